"""A schedule as it was found in the store: one that can run, or the reason why it cannot."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from app.jobs.job import Job
from app.jobs.making import Options, make_job
from app.jobs.registry import UnknownTask
from app.schedules.schedule import NAME, Definition, Progress, Schedule
from app.schedules.store import Stored

EPOCH = datetime.fromtimestamp(0, UTC)

# Clocks that are kept right differ by less.
TOLERANCE = timedelta(seconds=5)


class BadSchedule(ValueError):
    """There is something wrong with a schedule; the message is one sentence without its full stop."""


@dataclass(frozen=True)
class Entry:
    """One schedule of the store.

    Attributes:
        stored: What the store holds.
        definition: The same, read; nothing when it cannot be.
        progress: How far it has come.
        problem: Why it cannot run, if it cannot. It is set aside until somebody fixes it.
        noted_until: The latest time that the store holds of it: when it began, or up to when all is dealt with.
        ahead: Whether the store's clock has not reached that time. Then it comes from a clock that is ahead, or the
            store's was set back, and it is not believed.
        done_until: The time up to which all that was due is dealt with, by what is believed.
        due: The first time that it is due and not dealt with, if there is one.
    """

    name: str
    stored: Stored
    definition: Definition | None = None
    progress: Progress = field(default_factory=Progress)
    problem: str | None = None
    noted_until: datetime = EPOCH
    ahead: bool = False
    done_until: datetime = EPOCH
    due: datetime | None = None


def read(name: str, stored: Stored, now: datetime, known: Entry | None = None) -> Entry:
    """Return the entry of what the store holds, whatever that is.

    Args:
        name: The name of the schedule.
        stored: What the store holds.
        now: The store's time.
        known: What this process has made of the same schedule before, if it has.
    """
    latest = now + TOLERANCE
    if known and known.stored == stored and known.done_until <= latest and known.ahead == (known.noted_until > latest):
        return known
    entry = Entry(name, stored)
    try:
        entry = replace(entry, definition=Definition.model_validate_json(stored.definition))
        entry = replace(entry, progress=Progress.model_validate_json(stored.progress or "{}"))
        assert entry.definition  # noqa: S101
        check(name, entry.definition)
        return _judged(entry, entry.definition, now, known)
    except ValidationError as error:
        return replace(entry, problem=explain(error))
    except Exception as error:
        # Whatever it is, it must not keep the other schedules from running.
        return replace(entry, problem=str(error) or type(error).__name__)


def _judged(entry: Entry, definition: Definition, now: datetime, known: Entry | None) -> Entry:
    """Return an entry with what it is due next, by as much of what was noted as can be believed."""
    progress = entry.progress
    noted = (definition.since, progress.done_until or EPOCH)
    done_until = noted_until = max(noted)
    ahead = noted_until > now + TOLERANCE
    if ahead:
        # Nobody knows what was done. What this process knew before still holds; else it counts from now.
        unchanged = known and not known.problem and known.stored.definition == entry.stored.definition
        done_until = min(known.done_until, now) if known and unchanged else now
        done_until = max([done_until, *(time for time in noted if time <= now + TOLERANCE)])
        definition = definition.begun_by(done_until)
    if noted[1] > now + TOLERANCE:
        progress = progress.model_copy(update={"done_until": done_until, "setbacks": progress.setbacks + 1})
    return replace(
        entry,
        definition=definition,
        progress=progress,
        noted_until=noted_until,
        ahead=ahead,
        done_until=done_until,
        due=definition.after(done_until),
    )


def parse(fields: dict[str, Any]) -> Schedule:
    """Return the schedule that plain JSON says.

    Raises:
        BadSchedule: It says none.
    """
    try:
        return Schedule.model_validate(fields)
    except ValidationError as error:
        raise BadSchedule(explain(error)) from None


def check(name: str, schedule: Schedule) -> None:
    """Check what the model alone does not know: the name, the task, its arguments and its queue.

    Raises:
        BadSchedule: It cannot run.
    """
    if not re.match(NAME, name):
        message = f"the name {name!r} is not 1 to 128 letters, digits, spaces and any of . : @ + - _"
        raise BadSchedule(message)
    job_of(schedule)


def job_of(schedule: Schedule) -> Job:
    """Return a job that does what a schedule says.

    Raises:
        BadSchedule: There is no such job.
    """
    options = Options(queue=schedule.queue, priority=schedule.priority)
    try:
        return make_job(schedule.task, schedule.organization_id, schedule.kwargs, options)
    except UnknownTask:
        message = f"no task is registered as {schedule.task!r}"
        raise BadSchedule(message) from None
    except (ValueError, TypeError) as error:
        message = f"{schedule.task}: {error}"
        raise BadSchedule(message) from None


def explain(error: ValidationError) -> str:
    """Say what is wrong with each field."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{_place(problem['loc'])}{_told(problem['msg'])}" for problem in problems)


def _place(location: tuple[Any, ...]) -> str:
    # Between `when` and its field stands which kind it is.
    names = [str(name) for name, before in zip(location, (None, *location), strict=False) if name != before]
    return f"{'.'.join(names)}: " if names else ""


def _told(message: str) -> str:
    return message.removeprefix("Value error, ")
