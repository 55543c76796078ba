"""What is due is sent once, however many schedulers send it, and after downtime as the schedule says."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.celery import celery_app
from app.jobs import records
from app.jobs.service import JobsService
from app.schedules.entry import BadSchedule
from app.schedules.runs import LATE, send_due
from app.schedules.store import store
from tests.conftest import Sent, Wait
from tests.schedules.conftest import HOUR, Add, began, entry

SECOND = timedelta(seconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def test_each_due_run_is_sent_once_by_two_schedulers(add: Add, sent: Sent, finished: Wait) -> None:
    add("every-5", when={"every": 5})
    first = second = began("every-5", timedelta(seconds=21))
    time = now()

    ids = send_due(first, time)

    assert send_due(second, time) == ids
    assert len(set(ids)) == 4
    assert [message["headers"]["id"] for message in sent] == ids
    assert send_due(entry("every-5"), time) == []
    assert [finished(task_id)["status"] for task_id in ids] == ["SUCCESS"] * 4


def test_a_scheduler_that_is_killed_before_it_notes_leaves_it_to_the_next(
    add: Add, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("hourly")
    found = began("hourly", HOUR + SECOND)

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(type(store), "note", die)
        with pytest.raises(SystemExit):
            send_due(found, now())
    send_due(entry("hourly"), now())

    assert len(sent) == 1
    assert entry("hourly").progress.last_task_id == sent[0]["headers"]["id"]


@pytest.mark.parametrize(("missed", "count"), [("once", 1), ("skip", 0)])
def test_after_downtime_one_run_follows_or_none(missed: str, count: int, add: Add, sent: Sent) -> None:
    add("minutely", when={"every": 60}, missed=missed)
    began("minutely", 5 * HOUR)
    time = now()

    send_due(entry("minutely"), time)

    assert len(sent) == count
    after = entry("minutely")
    assert after.due
    assert time < after.due <= time + timedelta(seconds=60)


def test_what_is_a_little_late_is_sent_in_either_case(add: Add, sent: Sent) -> None:
    add("hourly", missed="skip")
    began("hourly", HOUR + LATE / 2)

    send_due(entry("hourly"), now())

    assert len(sent) == 1


def test_a_run_keeps_the_schedules_options(add: Add, sent: Sent) -> None:
    add("all", queue="ai", priority=7, expires=90, organization_id="acme")

    send_due(began("all", HOUR + SECOND), now())

    [message] = sent
    assert message["routing_key"].endswith(".ai")
    assert message["headers"]["organization_id"] == "acme"
    assert message["properties"]["priority"] == 7
    assert now() < datetime.fromisoformat(message["headers"]["expires"]) < now() + timedelta(seconds=91)


def test_a_run_that_has_expired_does_not_begin(add: Add, finished: Wait) -> None:
    add("soon", expires=0.001)

    [task_id] = send_due(began("soon", HOUR + SECOND), now())

    assert finished(task_id)["status"] == "REVOKED"


def test_a_task_that_is_gone_is_told(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add("hourly")
    found = began("hourly", HOUR + SECOND)
    monkeypatch.delitem(celery_app.tasks, "tests.tasks.describe")

    with pytest.raises(BadSchedule, match=r"no task is registered as 'tests.tasks.describe'"):
        send_due(found, now())


def test_a_job_that_was_sent_twice_begins_once(jobs: JobsService, sent: Sent) -> None:
    info = jobs.push_task("tests.tasks.describe", "default", idempotency_key=str(now()), countdown=30)
    task_id = str(info.task_id)

    assert records.start(task_id, now(), again=False) is None
    assert records.start(task_id, now(), again=False) == "STARTED"
    assert records.start(task_id, now(), again=True) is None
    records.finish(task_id, "SUCCESS")
    assert records.start(task_id, now(), again=True) == "SUCCESS"
    assert len(sent) == 1
