"""When a schedule is due: at the times of a crontab, again and again after some seconds, or once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from celery.exceptions import ImproperlyConfigured
from celery.schedules import ParseException
from celery.schedules import crontab as parsed
from pydantic import AwareDatetime, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from app.core.config.settings import settings

# February 29 falls on a given weekday once in 28 years, and once in 40 around 2100.
LONGEST_SEARCH = 41 * 366  # days

KINDS = ("crontab", "every", "at")


class Kind(BaseModel):
    """What the kinds have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def keeps_pace(self) -> bool:
        """Tell whether it goes on while the clock shows an hour again; else a time is due once, however often shown."""
        return False

    def begun_by(self, time: datetime, _: datetime) -> datetime:
        """Return a start that is not after a time, and changes nothing about what is due after it."""
        return time


class Crontab(Kind):
    """At the times of a crontab, by the clock of a time zone.

    A time that the clock skips in spring is due an hour later; one that it shows twice in autumn is due once, unless
    the crontab means every hour.

    Attributes:
        crontab: Minute, hour, day of the month, month, and day of the week, where 0 is Sunday.
        timezone: Its name, such as Europe/Berlin; CELERY_TIMEZONE when it is not given.
    """

    crontab: str = Field(max_length=200)
    timezone: str | None = None

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        try:
            return name and ZoneInfo(name).key
        except (OSError, ValueError, LookupError):
            message = f"there is no time zone {name!r}"
            raise ValueError(message) from None

    @field_validator("crontab")
    @classmethod
    def _can_be_read(cls, text: str) -> str:
        words = text.split()
        if len(words) != 5:
            message = "a crontab has five fields: minute, hour, day of the month, month, day of the week"
            raise ValueError(message)
        try:
            parsed(words[0], words[1], words[4], words[2], words[3])
        except (ValueError, TypeError, ParseException, ImproperlyConfigured) as error:
            raise ValueError(str(error).rstrip(".")) from None
        return " ".join(words)

    def keeps_pace(self) -> bool:
        """Tell whether it means every hour."""
        return _every_hour(_fields(self.crontab))

    def after(self, time: datetime, _: datetime) -> datetime | None:
        """Return the first time that it is due after another one, if there is one."""
        zone = ZoneInfo(self.timezone or settings.celery.CELERY_TIMEZONE)
        fields = _fields(self.crontab)
        today = time.astimezone(zone).date()
        for day in (today + timedelta(days=number) for number in range(LONGEST_SEARCH)):
            if (
                day.month in fields.month_of_year
                and day.day in fields.day_of_month
                and day.isoweekday() % 7 in fields.day_of_week
            ):
                later = (due for due in _times(day, fields, zone) if due > time)
                if due := min(later, default=None):
                    return due
        return None


@cache
def _fields(text: str) -> Any:
    minute, hour, day_of_month, month, day_of_week = text.split()
    return parsed(minute, hour, day_of_week, day_of_month, month)


def _every_hour(fields: Any) -> bool:
    return len(fields.hour) == 24


def _times(day: date, fields: Any, zone: ZoneInfo) -> Iterator[datetime]:
    for hour in fields.hour:
        for minute in fields.minute:
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
            yield first
            # Earlier it is for a time that the clock skips.
            if _every_hour(fields) and second > first:
                yield second


class Every(Kind):
    """Again and again after this many seconds, counted from the start."""

    every: float = Field(ge=1, le=10 * 366 * 86_400)

    def keeps_pace(self) -> bool:
        """Tell that it does."""
        return True

    def begun_by(self, time: datetime, start: datetime) -> datetime:
        """Return the last time up to another one from which it is due at the same times as from its start."""
        interval = timedelta(seconds=self.every)
        return start + (time - start) // interval * interval

    def after(self, time: datetime, start: datetime) -> datetime | None:
        """Return the first time that it is due after another one.

        Args:
            time: The other one.
            start: The time from which intervals are counted; it is due then too.
        """
        interval = timedelta(seconds=self.every)
        return start + ((time - start) // interval + 1) * interval if time >= start else start


class At(Kind):
    """Once."""

    at: AwareDatetime

    def after(self, time: datetime, _: datetime) -> datetime | None:
        """Return the time, if it comes after another one."""
        due = self.at.astimezone(UTC)
        return due if due > time else None


def _kind(value: Any) -> str | None:
    names = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Kind) else ()
    found = [kind for kind in KINDS if kind in names]
    return found[0] if len(found) == 1 else None


When = Annotated[
    Annotated[Crontab, Tag("crontab")] | Annotated[Every, Tag("every")] | Annotated[At, Tag("at")],
    Discriminator(
        _kind,
        custom_error_type="when",
        custom_error_message="say one of `crontab`, `every` (seconds) and `at` (a time)",
    ),
]
