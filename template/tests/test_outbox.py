"""The outbox: a job that is pushed in a transaction is sent after its commit, and never after a rollback."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import async_session, session
from app.jobs import outbox
from app.jobs.job import Job
from app.jobs.models import JobRecord
from app.jobs.outbox import publish_pending
from app.jobs.service import JobsService
from tests.conftest import Sent, Wait

DESCRIBE = "tests.tasks.describe"


def record(task_id: object) -> JobRecord | None:
    with session() as db:
        return db.get(JobRecord, str(task_id))


def refuse(*_: Any) -> None:
    raise ConnectionRefusedError


def take_the_broker_away(broken: pytest.MonkeyPatch) -> None:
    broken.setattr(Job, "publish", refuse)
    broken.setattr(outbox, "reach_broker", refuse)


@pytest.fixture
def loop(client: TestClient) -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """Return a function that runs a coroutine function in the API's event loop."""
    assert client.portal
    return client.portal.call


def test_a_job_is_sent_after_the_commit(jobs: JobsService, sent: Sent, finished: Wait) -> None:
    with session():
        info = jobs.push_task(DESCRIBE, "default")
        assert sent == []

    assert [message["headers"]["id"] for message in sent] == [str(info.task_id)]
    assert finished(info.task_id)["status"] == "SUCCESS"


def test_a_job_is_gone_after_a_rollback(jobs: JobsService, client: TestClient, sent: Sent) -> None:
    def push_and_fail() -> None:
        with session():
            pushed.append(jobs.push_task(DESCRIBE, "default"))
            raise ZeroDivisionError

    pushed: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        push_and_fail()

    assert sent == []
    assert record(pushed[0].task_id) is None
    assert client.get(f"/tasks/{pushed[0].task_id}").status_code == 404


def test_a_nested_transaction_that_is_rolled_back_takes_only_its_own_jobs_with_it(
    jobs: JobsService, sent: Sent
) -> None:
    with session() as db:
        kept = jobs.push_task(DESCRIBE, "default")
        with db.begin_nested() as nested:
            jobs.push_task(DESCRIBE, "default")
            nested.rollback()

    assert [message["headers"]["id"] for message in sent] == [str(kept.task_id)]


def test_an_asynchronous_transaction_keeps_the_same_promise(
    jobs: JobsService, loop: Callable[..., Any], sent: Sent, finished: Wait
) -> None:
    async def commit() -> Any:
        async with async_session():
            info = await jobs.push_task_async(DESCRIBE, "default")
            assert sent == []
        return info

    async def roll_back() -> None:
        async with async_session():
            gone.append(await jobs.push_task_async(DESCRIBE, "default"))
            raise ZeroDivisionError

    gone: list[Any] = []

    with pytest.raises(ZeroDivisionError):
        loop(roll_back)
    info = loop(commit)

    assert record(gone[0].task_id) is None
    assert [message["headers"]["id"] for message in sent] == [str(info.task_id)]
    assert finished(info.task_id)["status"] == "SUCCESS"


def test_an_idempotency_key_works_inside_a_transaction(jobs: JobsService, sent: Sent) -> None:
    with session():
        first = jobs.push_task(DESCRIBE, "default", idempotency_key="in-a-transaction")
        again = jobs.push_task(DESCRIBE, "default", idempotency_key="in-a-transaction")
    after = jobs.push_task(DESCRIBE, "default", idempotency_key="in-a-transaction")

    assert first.task_id == again.task_id == after.task_id
    assert len(sent) == 1


def test_a_job_that_could_not_be_sent_after_its_commit_is_sent_later(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with session():
            info = jobs.push_task("tests.tasks.name_organization", "acme", greeting="welcome", priority=7)

    left = record(info.task_id)
    assert left
    assert (left.published_at, left.status) == (None, "QUEUED")

    assert publish_pending(older_than=timedelta(hours=1)) == 0
    assert publish_pending() == 1
    assert publish_pending() == 0
    assert finished(info.task_id, "acme")["result"] == "welcome, acme"
    left = record(info.task_id)
    assert left
    assert left.published_at
    assert left.message is None


def test_a_job_that_could_not_be_sent_at_once_is_not_sent_later(
    jobs: JobsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with pytest.raises(ConnectionRefusedError):
            jobs.push_task(DESCRIBE, "default")

    assert publish_pending() == 0


def test_a_cancelled_job_is_not_sent_later(jobs: JobsService, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with session():
            info = jobs.push_task(DESCRIBE, "default")

    assert jobs.cancel(info.task_id, "default") is True
    assert publish_pending() == 0
    assert sent == []
