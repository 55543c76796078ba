"""A schedule, as operators write it and as the store keeps it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.core.caller import ORGANIZATION
from app.schedules.when import When

# It becomes part of addresses, keys and rows.
NAME = r"^\w([\w .:@+-]{0,126}[\w.:@+-])?$"

# What an entry of the code can say; the other fields are the operators'.
SAID_BY_CODE = ("task", "when", "kwargs", "queue", "priority", "expires")

LONGEST_EXPIRY = 100 * 366 * 86_400  # seconds; Python's calendar has an end


class Schedule(BaseModel):
    """What runs when.

    Attributes:
        task: The name that it is registered under.
        when: One of `crontab` (with a `timezone`), `every` (seconds) and `at` (a time with its offset).
        kwargs: The task's arguments by name.
        queue: A name in `app/core/queues.py`, in place of the one that the task's name leads to.
        priority: From 0 to 9; the higher, the sooner.
        expires: Seconds after which a run that has not begun is dropped.
        starts_at: The time before which nothing is due; intervals are counted from it.
        ends_at: The time after which nothing is due.
        missed: What follows a time in which no scheduler ran: one run, however many were missed, or none.
        organization_id: Who the task is done for.
    """

    model_config = ConfigDict(extra="forbid")

    task: str
    when: When
    kwargs: dict[str, Any] = {}
    queue: str | None = None
    priority: int | None = Field(None, ge=0, le=9)
    expires: float | None = Field(None, gt=0, le=LONGEST_EXPIRY)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    enabled: bool = True
    missed: Literal["once", "skip"] = "once"
    organization_id: str = Field("default", pattern=f"^{ORGANIZATION.pattern}$")

    def fields(self) -> dict[str, Any]:
        """Return what an operator can change, as plain JSON."""
        return self.model_dump(mode="json", include=set(Schedule.model_fields))

    def said_by_code(self) -> dict[str, Any]:
        """Return what an entry of the code says, as plain JSON."""
        return self.model_dump(mode="json", include=set(SAID_BY_CODE))


class Origin(BaseModel):
    """The entry of the code that a schedule comes from.

    Attributes:
        said: What it said when it was last synchronised.
        kept: Fields that were changed in the code after an operator had changed them, and are still the operator's.
        removed: It is no longer there.
    """

    said: dict[str, Any]
    kept: list[str] = []
    removed: bool = False


class Kept(BaseModel):
    """What the store keeps."""

    def dump(self) -> str:
        """Return it as text, in ASCII: what else a column takes depends on its server."""
        return json.dumps(self.model_dump(mode="json"))


class Definition(Kept, Schedule):
    """A schedule in the store.

    Attributes:
        since: When it began to count: nothing was due before.
        origin: Where it comes from, if not from an operator.
    """

    since: AwareDatetime
    origin: Origin | None = None

    def after(self, time: datetime) -> datetime | None:
        """Return the first time that it is due after another one, if there is one."""
        if not self.enabled:
            return None
        latest = max(time, self.since)
        if self.starts_at:
            latest = max(latest, self.starts_at - timedelta(microseconds=1))
        due = self.when.after(latest.astimezone(UTC), (self.starts_at or self.since).astimezone(UTC))
        return None if due and self.ends_at and due > self.ends_at else due

    def begun_by(self, time: datetime) -> Self:
        """Return it as one that began at a time at the latest; what is due after that time stays as it is."""
        if self.since <= time:
            return self
        return self.model_copy(update={"since": self.when.begun_by(time, self.since)})

    def edited(self) -> list[str]:
        """Return the fields that are not as the code says."""
        if self.origin is None:
            return []
        return [name for name, said in self.origin.said.items() if self.fields().get(name) != said]


class Progress(Kept):
    """How far a schedule has come.

    Attributes:
        done_until: The time up to which all that was due is dealt with.
        last_run: When it was last sent.
        last_task_id: The task of that run.
        setbacks: How often the store's clock was found to be behind `done_until`. What keeps its pace is then due again
            at times that were dealt with before, and its runs must not pass for those.
    """

    done_until: AwareDatetime | None = None
    last_run: AwareDatetime | None = None
    last_task_id: str | None = None
    setbacks: int = 0
