"""What is told of a schedule."""

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schedules.entry import Entry
from app.schedules.runs import LATE
from app.schedules.schedule import NAME, Definition, Schedule

State = Literal["active", "disabled", "ended", "set aside"]


class NewSchedule(Schedule):
    """A schedule that is added, with its name."""

    name: str = Field(pattern=NAME)

    def schedule(self) -> Schedule:
        """Return it without its name."""
        return Schedule(**self.fields())


class ScheduleStatus(BaseModel):
    """A schedule and how it does.

    Attributes:
        state: What is `set aside` cannot run, and waits for somebody to edit it; what has `ended` is never due again.
        problem: Why it is set aside.
        notes: How it differs from the code, and why it may not run as expected.
        schedule: What it is; when it cannot be read, what the store holds.
        next_run: When it is due.
        last_run: When it was last sent.
        last_task_id: The task of that run.
    """

    name: str
    state: State
    problem: str | None
    notes: list[str]
    schedule: Schedule | dict[str, Any] | str
    next_run: datetime | None
    last_run: datetime | None
    last_task_id: str | None


class Sent(BaseModel):
    """A run that was sent."""

    task_id: str


def describe(entry: Entry, now: datetime) -> ScheduleStatus:
    """Return what is told of an entry of the store at the store's time."""
    found = entry.definition
    return ScheduleStatus(
        name=entry.name,
        state=_state(entry),
        problem=entry.problem,
        notes=[*_troubles(entry, now), *(_notes(found) if found else [])],
        schedule=Schedule(**found.fields()) if found else _as_found(entry.stored.definition),
        next_run=entry.due and max(entry.due, now),
        last_run=entry.progress.last_run,
        last_task_id=entry.progress.last_task_id,
    )


def _state(entry: Entry) -> State:
    if entry.problem or entry.definition is None:
        return "set aside"
    if not entry.definition.enabled:
        return "disabled"
    return "active" if entry.due else "ended"


def _troubles(entry: Entry, now: datetime) -> list[str]:
    if entry.ahead:
        return [f"not believed: a clock that was ahead has noted {entry.noted_until.isoformat(timespec='seconds')}"]
    if entry.due and entry.due < now - LATE:
        return [f"due since {entry.due.isoformat(timespec='seconds')}: no scheduler sends it"]
    return []


def _notes(definition: Definition) -> list[str]:
    origin, edited = definition.origin, definition.edited()
    if origin is None:
        return []
    if origin.removed:
        return ["no longer in the code; it is kept, for an operator has changed it"]
    kept = [name for name in edited if name in origin.kept]
    only_edited = [name for name in edited if name not in kept]
    return [
        *([f"changed by an operator: {', '.join(only_edited)}"] if only_edited else []),
        *([f"changed by an operator and in the code, the operator's stays: {', '.join(kept)}"] if kept else []),
    ]


def _as_found(definition: str) -> dict[str, Any] | str:
    try:
        found = json.loads(definition)
    except ValueError:
        return definition
    return found if isinstance(found, dict) else definition
