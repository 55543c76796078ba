"""The scheduler goes on: past schedules that cannot run, and while the store or the broker is away."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.celery import celery_app
from app.schedules import service
from app.schedules.entry import parse
from app.schedules.scheduler import PACE, StoredScheduler
from app.schedules.store import store
from tests.conftest import Sent
from tests.schedules.conftest import DESCRIBE, HOUR, Add, began, entry

SECOND = timedelta(seconds=1)


def definition(**fields: Any) -> str:
    """Return what the store holds of a schedule."""
    return json.dumps({"when": {"every": 60}, "since": "2026-01-01T00:00:00Z", **fields})


BAD = {
    "no-json": "{",
    "no-object": "[1]",
    "no-such-task": definition(task="no.such.task"),
    "no-such-day": definition(task="tests.tasks.describe", when={"crontab": "0 0 31 2 *"}),
    "no-arguments": definition(task="tests.tasks.hold"),
    "bad arguments": definition(task="tests.tasks.hold", kwargs="["),
}


def refuse(*_: Any, **__: Any) -> None:
    raise ConnectionRefusedError


def test_what_cannot_run_is_set_aside_and_told_once_while_the_others_run(
    scheduler: StoredScheduler, add: Add, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    for name, stored in BAD.items():
        assert store.write(name, None, stored)
    add("good")
    began("good", HOUR + SECOND)

    for _ in range(3):
        assert scheduler.tick() <= PACE

    assert len(sent) == 1
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert sorted(message.partition(" is set aside")[0] for message in told) == sorted(
        f"the schedule {name!r}" for name in BAD
    )
    listed = {found.name: found for found in service.list_schedules()}
    assert {found.state for found in listed.values() if found.name in BAD} == {"set aside"}
    assert listed["no-such-task"].problem == "no task is registered as 'no.such.task'"


def test_an_edit_mends_what_was_set_aside(scheduler: StoredScheduler, sent: Sent) -> None:
    store.write("report", None, "{")
    store.note("report", None, "neither")
    scheduler.tick()

    service.edit("report", parse({"task": DESCRIBE, "when": {"every": 3600}}))
    began("report", HOUR + SECOND)
    scheduler.tick()

    assert len(sent) == 1
    assert service.show("report").last_task_id == sent[0]["headers"]["id"]


def test_an_edit_is_effective_at_the_next_look(scheduler: StoredScheduler, add: Add, sent: Sent) -> None:
    add("report")
    began("report", HOUR + SECOND)
    service.enable("report", enabled=False)
    scheduler.tick()
    assert sent == []

    service.enable("report", enabled=True)
    scheduler.tick()
    assert sent == []
    assert entry("report").due

    began("report", HOUR + SECOND)
    scheduler.tick()
    assert len(sent) == 1


def test_the_store_may_be_away_at_the_start_and_later(
    scheduler: StoredScheduler, add: Add, sent: Sent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add("report")
    began("report", HOUR + SECOND)
    with monkeypatch.context() as away:
        away.setattr(type(store), "read", refuse)
        assert [scheduler.tick() for _ in range(3)] == [PACE] * 3

    scheduler.tick()

    assert len(sent) == 1
    told = [record.getMessage() for record in caplog.records if "wait" in record.message or "go on" in record.message]
    assert told == ["the schedules wait: ConnectionRefusedError: ", "the schedules go on"]


def test_the_broker_may_be_away(
    scheduler: StoredScheduler, add: Add, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("report")
    began("report", HOUR + SECOND)
    with monkeypatch.context() as away:
        away.setattr(celery_app.tasks[DESCRIBE], "apply_async", refuse)
        assert scheduler.tick() == PACE

    scheduler.tick()

    assert service.show("report").last_run is not None


def test_the_code_is_synchronised_at_the_start(start: Callable[..., StoredScheduler]) -> None:
    start(hourly={"task": DESCRIBE, "schedule": 3600.0}, wrong={"task": "no.such.task", "schedule": 1.0}).tick()

    names = store.read().schedules.keys() - {"celery.backend_cleanup"}
    assert names == {"hourly"}
