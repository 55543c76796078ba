"""The settings of the store of schedules."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from app.core.config.base import DEVELOPMENT, Concern


class ScheduleSettings(Concern):
    """Where schedules are kept."""

    embedded: ClassVar[dict[str, str]] = {"SCHEDULE_STORE_URL": f"file://{DEVELOPMENT}/schedules.json"}

    SCHEDULE_STORE_URL: str = Field(repr=False)

    @model_validator(mode="after")
    def _a_file_serves_one_developer(self) -> Self:
        if self.ENVIRONMENT == "production" and not self.SCHEDULE_STORE_URL.startswith(("redis:", "rediss:", "unix:")):
            message = "SCHEDULE_STORE_URL must begin with redis://, rediss:// or unix://"
            raise ValueError(message)
        return self
