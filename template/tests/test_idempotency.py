"""Idempotency keys: a request that is made again, because its answer was lost, starts nothing new."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.jobs.service import JobsService, KeyReused
from tests.conftest import Sent, Wait

NOTIFY = "app.tasks.example_task.send_notification"


def post(client: TestClient, key: str, **body: Any) -> Any:
    return client.post(f"/tasks/{NOTIFY}", json=body, headers={"Idempotency-Key": key})


def test_the_same_key_returns_the_same_task(client: TestClient, sent: Sent, finished: Wait) -> None:
    key = str(uuid4())
    first = post(client, key, user_id=1, message="hello").json()
    again = post(client, key, message="hello", user_id=1)
    finished(first["task_id"])
    after = post(client, key, user_id=1, message="hello")

    assert again.json() == after.json() == first
    assert (again.status_code, after.status_code) == (202, 202)
    assert len(sent) == 1


def test_the_same_key_with_other_arguments_is_refused(client: TestClient, jobs: JobsService, sent: Sent) -> None:
    key = str(uuid4())
    post(client, key, user_id=1, message="hello")

    refused = post(client, key, user_id=2, message="hello")

    assert refused.status_code == 422
    [error] = refused.json()["detail"]
    assert (error["loc"], error["msg"]) == (
        ["header", "Idempotency-Key"],
        "the idempotency key was used with other arguments.",
    )
    with pytest.raises(KeyReused):
        jobs.push_task(NOTIFY, "default", idempotency_key=key, user_id=3, message="hello")
    assert len(sent) == 1


def test_a_key_belongs_to_its_organization_and_its_task(jobs: JobsService) -> None:
    key = str(uuid4())
    tasks = {
        jobs.push_task("tests.tasks.describe", "acme", idempotency_key=key).task_id,
        jobs.push_task("tests.tasks.describe", "other", idempotency_key=key).task_id,
        jobs.push_task("tests.tasks.describe_async", "acme", idempotency_key=key).task_id,
        jobs.push_task("tests.tasks.describe", "acme").task_id,
    }

    assert len(tasks) == 4


def test_a_task_that_could_not_be_sent_can_be_sent_with_its_key_again(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(uuid4())

    def refuse(**_: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(celery_app.tasks["tests.tasks.describe"], "apply_async", refuse)
        with pytest.raises(ConnectionError):
            jobs.push_task("tests.tasks.describe", "default", idempotency_key=key)

    queued = jobs.push_task("tests.tasks.describe", "default", idempotency_key=key)

    assert finished(queued.task_id)["status"] == "SUCCESS"
