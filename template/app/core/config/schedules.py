"""The settings of the store of schedules."""

from typing import ClassVar

from pydantic import Field

from app.core.config.base import DEVELOPMENT, Concern


class ScheduleSettings(Concern):
    """Where schedules are kept: a Redis, as `redis://`, `rediss://` or `unix://`."""

    embedded: ClassVar[dict[str, str]] = {"SCHEDULE_STORE_URL": f"file://{DEVELOPMENT}/schedules.json"}

    SCHEDULE_STORE_URL: str = Field(repr=False)
