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


class BadSchedule(ValueError):
    """There is something wrong with a schedule; the message is one sentence without its full stop."""


@dataclass(frozen=True)
class Entry:
    """One schedule of the store.

    Attributes:
        stored: What the store holds.
        definition: The same, read; nothing when it cannot be.
        progress: How far it has come.
        problem: Why it cannot run, if it cannot. It is set aside until somebody mends it.
        due: The first time that it is due and not dealt with, if there is one.
    """

    name: str
    stored: Stored
    definition: Definition | None = None
    progress: Progress = field(default_factory=Progress)
    problem: str | None = None
    due: datetime | None = None


def read(name: str, stored: Stored) -> Entry:
    """Return the entry of what the store holds, whatever that is."""
    entry = Entry(name, stored)
    try:
        entry = replace(entry, definition=Definition.model_validate_json(stored.definition))
        entry = replace(entry, progress=Progress.model_validate_json(stored.progress or "{}"))
        assert entry.definition  # noqa: S101
        check(name, entry.definition)
        return replace(entry, due=entry.definition.after(entry.progress.done_until or EPOCH))
    except ValidationError as error:
        return replace(entry, problem=explain(error))
    except Exception as error:
        # Whatever it is, it must not keep the other schedules from running.
        return replace(entry, problem=str(error) or type(error).__name__)


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
    """Return a job that does what a schedule says, now.

    Raises:
        BadSchedule: There is no such job.
    """
    options = Options(queue=schedule.queue, priority=schedule.priority)
    expires = datetime.now(UTC) + timedelta(seconds=schedule.expires) if schedule.expires else None
    try:
        job = make_job(schedule.task, schedule.organization_id, schedule.kwargs, options)
    except UnknownTask:
        message = f"no task is registered as {schedule.task!r}"
        raise BadSchedule(message) from None
    except (ValueError, TypeError) as error:
        message = f"{schedule.task}: {error}"
        raise BadSchedule(message) from None
    return replace(job, expires=expires)


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
