"""The entries of the code in the store: merged field by field, and never against an operator.

Each field is compared with what the code said when it was last synchronised. One that only the code has changed is
taken; one that an operator has changed stays, and if the code has changed it too, both the log and the listing say so.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from app.core.services import unavailable
from app.schedules.entry import Entry, read
from app.schedules.schedule import Definition, Origin, Schedule
from app.schedules.store import Stored, store

logger = logging.getLogger(__name__)

Change = Callable[[Definition | None], Definition | None]


def synchronise(schedules: Mapping[str, Schedule | None]) -> None:
    """Bring the store up to date with the schedules of the code; what it has for one that cannot run stays."""
    found = store.read()
    for name, schedule in schedules.items():
        if schedule:
            _try(name, partial(merged, name, schedule, found.now))
    for name in found.schedules.keys() - schedules.keys():
        _try(name, partial(removed, name))


def merged(name: str, schedule: Schedule, now: datetime, stored: Definition | None) -> Definition:
    """Return a schedule as it is to be after the code has said something.

    Args:
        name: Its name.
        schedule: What the code says.
        now: The store's time.
        stored: What the store holds, if it holds anything.
    """
    said = schedule.said_by_code()
    if stored is None:
        return Definition(**schedule.fields(), since=now, origin=Origin(said=said))
    origin = stored.origin or Origin(said={})
    mine = stored.fields()
    news = {field: value for field, value in said.items() if value != origin.said.get(field)}
    untouched = {field for field, value in origin.said.items() if mine[field] == value}
    taken = {field: value for field, value in news.items() if field in untouched}
    kept = sorted(field for field in {*origin.kept, *news} if mine[field] != said[field] and field not in taken)
    if new := [field for field in kept if field in news]:
        logger.warning("%r was changed by an operator and in the code; the operator's stays: %s", name, ", ".join(new))
    return Definition(
        **(mine | taken),
        since=now if "when" in taken else stored.since,
        origin=Origin(said=said, kept=kept),
    )


def removed(name: str, stored: Definition | None) -> Definition | None:
    """Return a schedule as it is to be when the code does not name it: gone, unless an operator has changed it."""
    if stored is None or stored.origin is None or stored.origin.removed:
        return stored
    untouched = Schedule(**stored.origin.said).fields()
    if stored.fields() == untouched:
        return None
    logger.warning("%r is no longer in the code; it is kept, for an operator has changed it", name)
    return stored.model_copy(update={"origin": stored.origin.model_copy(update={"removed": True})})


def _try(name: str, change: Change) -> None:
    try:
        _change(name, change)
    except unavailable():
        raise
    except Exception:
        # Whatever stands in the store, it must not keep the other schedules from running.
        logger.exception("%r cannot be synchronised", name)


def _change(name: str, change: Change) -> None:
    """Change a definition, again and again while somebody else does so too; what cannot be read is left alone."""
    while True:
        found = store.read()
        stored: Stored | None = found.schedules.get(name)
        entry: Entry | None = read(name, stored, found.now) if stored else None
        if entry and entry.definition is None:
            return
        before = entry.definition if entry else None
        after = change(before)
        if after == before:
            return
        if store.write(name, stored and stored.definition, after.dump() if after else None):
            return
