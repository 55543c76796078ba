"""What operators do with schedules, through the routes and the command line."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.schedules import runs
from app.schedules.entry import BadSchedule, Entry, check, read
from app.schedules.schedule import Definition, Schedule
from app.schedules.schemas import ScheduleStatus, describe
from app.schedules.store import store


class NoSuchSchedule(LookupError):
    """No schedule has this name."""


class NotPossible(Exception):
    """The schedule is not in a state for this; the message is one sentence without its full stop."""


def list_schedules() -> list[ScheduleStatus]:
    """Return every schedule, those that are set aside included."""
    found = store.read()
    return [describe(read(name, stored, found.now), found.now) for name, stored in sorted(found.schedules.items())]


def show(name: str) -> ScheduleStatus:
    """Return one schedule.

    Raises:
        NoSuchSchedule: There is none.
    """
    return describe(*_find(name))


def add(name: str, schedule: Schedule) -> ScheduleStatus:
    """Add a schedule.

    Raises:
        BadSchedule: It could not run.
        NotPossible: There is one of this name.
    """
    definition = _definition(name, schedule, None, store.read().now)
    if not store.write(name, None, definition.dump()):
        message = f"there is a schedule {name!r} already"
        raise NotPossible(message)
    return show(name)


def edit(name: str, schedule: Schedule) -> ScheduleStatus:
    """Put a schedule in the place of one that there is, which may be set aside.

    Raises:
        BadSchedule: It could not run.
        NoSuchSchedule: There is none.
    """
    return change(name, lambda _: schedule)


def change(name: str, changed: Callable[[dict[str, Any]], Schedule]) -> ScheduleStatus:
    """Change a schedule, which may be set aside, whatever others change at the same time.

    Args:
        name: The schedule.
        changed: Returns what it is to be, given what it is as plain JSON; nothing is given of what cannot be read.

    Raises:
        BadSchedule: It could not run.
        NoSuchSchedule: There is none.
    """

    def definition(entry: Entry, now: datetime) -> Definition:
        return _definition(name, changed(entry.definition.fields() if entry.definition else {}), entry, now)

    return _change(name, definition)


def enable(name: str, *, enabled: bool) -> ScheduleStatus:
    """Let a schedule run, or not; what was due while it was disabled is not missed.

    Raises:
        NoSuchSchedule: There is none.
        NotPossible: It is set aside, and has to be edited.
    """

    def definition(entry: Entry, now: datetime) -> Definition:
        return _definition(name, _sound(entry).model_copy(update={"enabled": enabled}), entry, now)

    return _change(name, definition)


def remove(name: str) -> None:
    """Remove a schedule.

    Raises:
        NoSuchSchedule: There is none.
        NotPossible: It is in the code, and would come back.
    """
    entry, _ = _find(name)
    origin = entry.definition.origin if entry.definition else None
    if origin and not origin.removed:
        message = f"{name!r} is in app/core/schedule.py, from where it would come back: disable it instead"
        raise NotPossible(message)
    if not store.write(name, entry.stored.definition, None):
        remove(name)


def run(name: str) -> str:
    """Run a schedule now, enabled or not; return the id of the task.

    Raises:
        NoSuchSchedule: There is none.
        NotPossible: It is set aside, and has to be edited.
    """
    entry, now = _find(name)
    _sound(entry)
    return runs.run_now(entry, now)


def _find(name: str) -> tuple[Entry, datetime]:
    """Return a schedule, and the store's time."""
    found = store.read()
    stored = found.schedules.get(name)
    if stored is None:
        raise NoSuchSchedule(name)
    return read(name, stored, found.now), found.now


def _sound(entry: Entry) -> Definition:
    if entry.problem or entry.definition is None:
        message = f"{entry.name!r} is set aside until it is edited: {entry.problem}"
        raise NotPossible(message)
    return entry.definition


def _change(name: str, changed: Callable[[Entry, datetime], Definition]) -> ScheduleStatus:
    """Change a definition, again if somebody else has done so meanwhile."""
    while True:
        entry, now = _find(name)
        definition = changed(entry, now).dump()
        if entry.problem or entry.ahead:
            # What was due while it was set aside is not missed; what was noted is what could not be read or believed.
            progress = entry.progress.model_copy(update={"done_until": now})
            store.note(name, entry.stored.progress, progress.dump())
        if store.write(name, entry.stored.definition, definition):
            return show(name)


def _definition(name: str, schedule: Schedule, entry: Entry | None, now: datetime) -> Definition:
    """Return what is stored of a schedule that is added, or takes the place of another one."""
    before = entry.definition if entry else None
    check(name, schedule)
    begins = before is None or _timing(before) != _timing(schedule)
    found = Definition(
        **schedule.fields(),
        since=now if before is None or begins else before.since,
        origin=before.origin if before else None,
    )
    if begins and found.enabled and found.after(now) is None:
        message = "it would never run: what it says is over"
        raise BadSchedule(message)
    return found


def _timing(schedule: Schedule) -> tuple[object, ...]:
    return schedule.when, schedule.starts_at, schedule.ends_at, schedule.enabled
