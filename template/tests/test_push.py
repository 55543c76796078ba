"""`JobsService.push_task`: what is sent, what is said about it, and what is refused before anything is sent."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core import broker
from app.core.config.settings import settings
from app.jobs import dead_letters
from app.jobs.arguments import BadArguments
from app.jobs.job import Job
from app.jobs.making import TooLarge
from app.jobs.registry import UnknownTask
from app.jobs.service import JobsService
from tests.conftest import Sent, Wait

DESCRIBE = "tests.tasks.describe"


def test_a_script_learns_what_was_decided_about_its_task(jobs: JobsService, finished: Wait) -> None:
    info = jobs.push_task("app.tasks.example_task.send_notification", 42, user_id=1, message="hello")

    said = info.model_dump(mode="json", exclude={"task_id"})
    assert said == {
        "task_name": "app.tasks.example_task.send_notification",
        "organization_id": "42",
        "queue": "default",
        "status": "queued",
    }
    assert finished(info.task_id, "42")["result"] == {"status": "sent", "user_id": 1}


def test_the_api_says_the_same_and_where_to_ask(client: TestClient) -> None:
    response = client.post(f"/tasks/{DESCRIBE}", json={})

    info = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/tasks/{info['task_id']}"
    assert info.keys() == {"task_id", "task_name", "organization_id", "queue", "status"}
    assert client.get(response.headers["Location"]).json()["task_name"] == DESCRIBE


def test_a_task_sends_tasks_for_its_own_organization(jobs: JobsService, finished: Wait) -> None:
    first = jobs.push_task("tests.tasks.push_another", "acme", name=DESCRIBE)

    pushed, delayed = finished(first.task_id, "acme")["result"]

    assert finished(pushed, "acme")["result"]["organization_id"] == "acme"
    # What Celery's own `delay` sends is no job: nobody can ask after it.
    assert jobs.get_task_status(delayed, "acme").status == "UNKNOWN"


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("no.such.task", {}, UnknownTask),
        ("app.tasks.example_task.fetch_numbers", {}, BadArguments),
        ("app.tasks.example_task.fetch_numbers", {"count": "many"}, BadArguments),
        ("app.tasks.example_task.fetch_numbers", {"count": 1, "more": 1}, BadArguments),
        ("tests.tasks.take_anything", {"text": "x" * settings.limits.MAX_ARGUMENTS_BYTES}, TooLarge),
        (DESCRIBE, {"queue": "no-such-queue"}, BadArguments),
        (DESCRIBE, {"priority": 10}, BadArguments),
        (DESCRIBE, {"priority": -1}, BadArguments),
        (DESCRIBE, {"countdown": broker.LONGEST_DELAY + 3600}, BadArguments),
        (DESCRIBE, {"eta": datetime.now(UTC) + timedelta(seconds=broker.LONGEST_DELAY + 3600)}, BadArguments),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_sent(
    name: str, arguments: dict[str, Any], error: type[Exception], jobs: JobsService, sent: Sent
) -> None:
    with pytest.raises(error):
        jobs.push_task(name, "default", **arguments)

    assert sent == []


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("app.tasks.example_task.fetch_numbers", {"count": "many"}, 422),
        ("tests.tasks.take_anything", {"text": "x" * settings.limits.MAX_ARGUMENTS_BYTES}, 413),
    ],
)
def test_the_api_refuses_it_too(name: str, body: dict[str, Any], status: int, client: TestClient, sent: Sent) -> None:
    assert client.post(f"/tasks/{name}", json=body).status_code == status
    assert sent == []


def test_the_error_names_the_argument(jobs: JobsService) -> None:
    with pytest.raises(BadArguments, match=r"^count: Input should be a valid integer"):
        jobs.push_task("app.tasks.example_task.fetch_numbers", "default", count="many")


def test_a_task_waits_for_its_time(jobs: JobsService, finished: Wait) -> None:
    pushed_at = time.time()
    later = jobs.push_task(DESCRIBE, "default", countdown=1)
    soon = jobs.push_task(DESCRIBE, "default", countdown=0.2)
    at = jobs.push_task(DESCRIBE, "default", eta=datetime.now(UTC) + timedelta(seconds=1))
    past = jobs.push_task(DESCRIBE, "default", eta=datetime.now(UTC) - timedelta(days=1))

    assert finished(past.task_id)["result"]["started_at"] - pushed_at < 1
    assert finished(soon.task_id)["result"]["started_at"] - pushed_at >= 0.2
    for waiting in (later, at):
        assert finished(waiting.task_id)["result"]["started_at"] - pushed_at >= 1


def test_a_queue_and_a_priority_can_be_chosen(jobs: JobsService, sent: Sent, finished: Wait) -> None:
    info = jobs.push_task(DESCRIBE, "default", queue="ai", priority=9)

    assert info.queue == "ai"
    assert finished(info.task_id)["result"]["routing_key"] == f"{settings.app.SLUG}.ai"
    assert [message["properties"]["priority"] for message in sent] == [9]


def test_a_call_that_blocks_refuses_to_run_in_an_event_loop(jobs: JobsService, sent: Sent) -> None:
    async def push() -> None:
        jobs.push_task(DESCRIBE, "default")

    async def ask() -> None:
        jobs.get_task_status("00000000-0000-0000-0000-000000000000", "default")

    async def cancel() -> None:
        jobs.cancel("00000000-0000-0000-0000-000000000000", "default")

    for call, instead in ((push, "push_task_async"), (ask, "get_task_status_async"), (cancel, "cancel_async")):
        with pytest.raises(RuntimeError, match=f"await `{instead}`"):
            asyncio.run(call())
    assert sent == []


def test_a_job_whose_caller_was_told_that_it_was_not_sent_does_not_run(
    jobs: JobsService, no_dead_letters: None, finished: Wait, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "path"
    publish = Job.publish

    def publish_and_lose_the_answer(job: Job) -> None:
        publish(job)
        raise TimeoutError

    with monkeypatch.context() as broken:
        broken.setattr(Job, "publish", publish_and_lose_the_answer)
        with pytest.raises(TimeoutError):
            jobs.push_task("tests.tasks.leave", "default", path=str(path), countdown=1)
    finished(jobs.push_task(DESCRIBE, "default", countdown=1.5).task_id)

    assert not path.exists()
    assert dead_letters.list_dead_letters() == []
