"""What is due, and sending it: however many schedulers do so, each due run goes out once."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.core.config.settings import settings
from app.jobs import records
from app.jobs.job import Job
from app.schedules.entry import Entry, job_of
from app.schedules.schedule import Definition
from app.schedules.store import store

# What is later than this was missed: no scheduler ran. What is less late is sent, all of it.
LATE = timedelta(seconds=60)


def send_due(entry: Entry, now: datetime) -> list[str]:
    """Send what is due, then note it; return the ids of the tasks.

    A scheduler that is killed in between leaves it to the next one, whose jobs have the same ids. So have those of one
    that runs at the same time.

    Args:
        entry: The schedule.
        now: The store's time; schedulers have clocks of their own.

    Raises:
        app.jobs.job.BeingSent: Somebody else is just doing so.
        app.schedules.entry.BadSchedule: It can no longer run.
        Exception: One of `app.core.services.unavailable()`.
    """
    assert entry.definition  # noqa: S101
    due, done_until = owed(entry.definition, entry.due, now)
    if done_until is None:
        return []
    setbacks = entry.progress.setbacks if entry.definition.when.keeps_pace() else 0
    ids = [run_id(entry.name, time, setbacks) for time in due]
    for task_id in ids:
        records.push(replace(_job(entry.definition, now), id=task_id, keyed=True))
    progress = entry.progress.model_copy(update={"done_until": done_until})
    if ids:
        progress = progress.model_copy(update={"last_run": due[-1], "last_task_id": ids[-1]})
    store.note(entry.name, entry.stored.progress, progress.dump())
    return ids


def owed(definition: Definition, due: datetime | None, now: datetime) -> tuple[list[datetime], datetime | None]:
    """Say which runs are to be sent now.

    Args:
        definition: The schedule.
        due: The first time that is not dealt with.
        now: This time.

    Returns:
        The times that they were due, and the time up to which all is dealt with then, if that changes.
    """
    if due is None or due > now:
        return [], None
    if due < now - LATE:
        return ([due] if definition.missed == "once" else []), now
    times = []
    while due and due <= now:
        times.append(due)
        due = definition.after(due)
    return times, times[-1]


def run_id(name: str, due: datetime, setbacks: int = 0) -> str:
    """Return the id of the task for one due run."""
    # As JSON, so that no part can pass for two. Another project may keep its results in the same place.
    parts = [settings.app.SLUG, name, due.astimezone(UTC).isoformat(), *([setbacks] if setbacks else [])]
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(parts)))


def run_now(entry: Entry, now: datetime) -> str:
    """Send a run that is not due; return the id of its task.

    Args:
        entry: The schedule.
        now: The store's time.

    Raises:
        app.schedules.entry.BadSchedule: It can no longer run.
    """
    assert entry.definition  # noqa: S101
    job = _job(entry.definition, now)
    records.push(job)
    progress = entry.progress.model_copy(update={"last_run": now, "last_task_id": job.id})
    # A scheduler may have noted a run of its own meanwhile; then that one is the last.
    store.note(entry.name, entry.stored.progress, progress.dump())
    return job.id


def _job(definition: Definition, now: datetime) -> Job:
    expires = now + timedelta(seconds=definition.expires) if definition.expires else None
    return replace(job_of(definition), expires=expires)
