"""The backups' settings."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from celery.schedules import ParseException, crontab
from pydantic import AfterValidator, Field, PositiveInt, model_validator

from app.core.config.base import Concern


def pace(text: str) -> crontab | timedelta:
    """Read when something runs: the five fields of a crontab, or `every 90 seconds`.

    Raises:
        ValueError: It is neither.
    """
    if seconds := re.fullmatch(r"every ([1-9]\d{0,8}) seconds", text.strip()):
        return timedelta(seconds=int(seconds[1]))
    try:
        return crontab.from_string(text)
    except (ValueError, ParseException):
        message = "it must be five fields as in a crontab, such as `0 3 * * *`, or `every 90 seconds`"
        raise ValueError(message) from None


def _checked(text: str) -> str:
    if text:
        pace(text)
    return text


Pace = Annotated[str, AfterValidator(_checked)]


class BackupSettings(Concern):
    """When backups are made, where they lie, and how long.

    Attributes:
        BACKUP_DIRECTORY: Where they lie; the worker writes there, and a relative path begins where it was started.
        BACKUP_RETENTION_DAYS: Days after which a backup is removed, once a newer one is there.
        BACKUP_KEEP_MINIMUM: So many of the newest stay, however old they are.
        BACKUP_SCHEDULE: When a backup is made, in CELERY_TIMEZONE.
        BACKUP_DRILL_SCHEDULE: When the latest backup is restored on trial; never while it is empty.
        BACKUP_TIME_LIMIT: Seconds after which the process that makes a backup is killed. After half an hour or an hour
            a broker takes a worker that is still at it for lost, and hands the task out again: raise its limit as well.
        BACKUP_S3_BUCKET: The bucket that gets a copy; none while it is empty.
        BACKUP_S3_ENDPOINT_URL: Its server, where that is not Amazon's.
        BACKUP_S3_PREFIX: What the names in the bucket begin with.
        BACKUP_S3_REGION: Its region, if the server wants to know.
        BACKUP_S3_ACCESS_KEY_ID: Who writes; while it is empty, the key is looked for where boto3 does so.
    """

    BACKUP_DIRECTORY: Path = Path("backups/database")
    BACKUP_RETENTION_DAYS: PositiveInt = 30
    BACKUP_KEEP_MINIMUM: PositiveInt = 3
    BACKUP_SCHEDULE: Pace = "0 3 * * *"
    BACKUP_DRILL_SCHEDULE: Pace = ""
    BACKUP_TIME_LIMIT: PositiveInt = 1500
    BACKUP_S3_BUCKET: str = ""
    BACKUP_S3_ENDPOINT_URL: str | None = None
    BACKUP_S3_PREFIX: str = ""
    BACKUP_S3_REGION: str | None = None
    BACKUP_S3_ACCESS_KEY_ID: str | None = Field(default=None, repr=False)
    BACKUP_S3_SECRET_ACCESS_KEY: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _a_key_has_two_parts(self) -> Self:
        if bool(self.BACKUP_S3_ACCESS_KEY_ID) != bool(self.BACKUP_S3_SECRET_ACCESS_KEY):
            message = "BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY belong together"
            raise ValueError(message)
        return self
