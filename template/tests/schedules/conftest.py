"""What the tests of schedules share: a store that is empty at first, and a scheduler in this process."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.celery import celery_app
from app.schedules import service
from app.schedules.entry import Entry, parse, read
from app.schedules.scheduler import StoredScheduler
from app.schedules.schemas import ScheduleStatus
from app.schedules.store import store

DESCRIBE = "tests.tasks.describe"
HOUR = timedelta(hours=1)

Add = Callable[..., ScheduleStatus]


def clear() -> None:
    """Remove every schedule."""
    for name, stored in store.read().schedules.items():
        store.write(name, stored.definition, None)


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    """Begin and end without schedules."""
    clear()
    yield
    clear()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StoredScheduler]:
    """Return a function that starts a scheduler, whose code has these entries."""

    def started(**entries: dict[str, Any]) -> StoredScheduler:
        monkeypatch.setitem(celery_app.conf, "beat_schedule", entries)
        app: Any = celery_app
        return StoredScheduler(app=app)

    return started


@pytest.fixture
def scheduler(start: Callable[..., StoredScheduler]) -> StoredScheduler:
    """Return a scheduler whose code has no entries."""
    return start()


@pytest.fixture
def add() -> Add:
    """Return a function that adds a schedule, every hour unless it says otherwise."""

    def added(name: str, **fields: Any) -> ScheduleStatus:
        return service.add(name, parse({"task": DESCRIBE, "when": {"every": 3600}, **fields}))

    return added


def entry(name: str) -> Entry:
    """Return a schedule of the store."""
    found = store.read()
    return read(name, found.schedules[name], found.now)


def began(name: str, ago: timedelta) -> Entry:
    """Let a schedule have begun some time ago, and nothing be dealt with; return it."""
    found = entry(name)
    assert found.definition
    earlier = found.definition.model_copy(update={"since": datetime.now(UTC) - ago})
    assert store.write(name, found.stored.definition, earlier.dump())
    assert store.note(name, found.stored.progress, "{}")
    return entry(name)
