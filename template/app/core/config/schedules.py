"""The settings of the store of schedules."""

from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from app.core.addresses import redis
from app.core.config.base import DEVELOPMENT, LOCAL, Concern


class ScheduleSettings(Concern):
    """Where schedules are kept: a Redis, as `redis://`, `rediss://` or `unix://`."""

    embedded: ClassVar[dict[str, str]] = {"SCHEDULE_STORE_URL": f"file://{DEVELOPMENT}/schedules.json"}

    SCHEDULE_STORE_URL: str = Field(repr=False)

    @field_validator("SCHEDULE_STORE_URL")
    @classmethod
    def _address(cls, text: str, info: ValidationInfo) -> str:
        if text.startswith("file:") and info.data.get("ENVIRONMENT") in LOCAL:
            return text
        return redis.for_client(text)
