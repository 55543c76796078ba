"""What callers and tasks should not do, and what must not come of it."""

import math
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, SecretStr

from app.core.celery import celery_app
from app.jobs.arguments import from_json, model_of, to_json
from app.jobs.states import Record, describe, error_of
from app.tasks.example_task import send_notification

NOTIFICATION = f"/tasks/{send_notification.name}"


class User(BaseModel):
    """A model whose fields have other names in JSON."""

    user_id: int = Field(alias="userId")


@celery_app.task(shared=False)
def greet(user: User) -> int:
    """Take a model."""
    return user.user_id


@celery_app.task(shared=False)
def log_in(password: SecretStr) -> None:
    """Take a secret."""


@celery_app.task(shared=False)
def inner() -> None:
    """Run within another task."""


@celery_app.task(shared=False, bind=True)
def outer(self: Any) -> list[str]:
    """Say which task this is, before and after another one has run in the same process."""
    before = self.request.id
    inner.apply(task_id="inner")
    return [before, self.request.id]


def test_a_number_that_is_no_json_is_refused(client: TestClient) -> None:
    response = client.post(NOTIFICATION, content='{"user_id": NaN, "message": "x"}')

    assert response.status_code == 422
    assert not any(isinstance(value, float) and math.isnan(value) for value in response.json()["detail"][0].values())


def test_a_refusal_does_not_repeat_what_was_sent(client: TestClient) -> None:
    response = client.post(NOTIFICATION, json={"user_id": "hunter2", "message": "x"})

    assert response.status_code == 422
    assert "hunter2" not in response.text


def test_an_empty_idempotency_key_is_none(client: TestClient) -> None:
    response = client.post(NOTIFICATION, json={"user_id": 1, "message": "x"}, headers={"Idempotency-Key": ""})

    assert response.status_code == 422


def test_a_model_with_other_names_in_json_arrives_as_it_was() -> None:
    sent = to_json(greet, {"user": {"userId": 7}}, "acme")

    assert sent == {"user": {"userId": 7}}
    assert from_json(greet, sent) == {"user": User(userId=7)}


def test_a_secret_is_not_sent_as_asterisks() -> None:
    with pytest.raises(TypeError, match="asterisks"):
        model_of(log_in)


def test_an_error_is_told_in_text_that_can_be_stored_anywhere() -> None:
    assert error_of(ValueError("a\0b\udcff")).message == "a\ufffdb?"


def test_a_progress_of_the_tasks_own_making_is_a_state_and_no_more() -> None:
    record = Record("00000000-0000-0000-0000-000000000001", "a.task", "acme", "STARTED")

    status = describe(record, {"status": "PROGRESS", "result": {"done": 3}})

    assert (status.status, status.progress) == ("PROGRESS", None)


def test_a_task_that_runs_within_another_is_not_taken_for_it() -> None:
    assert outer.apply(task_id="outer").result == ["outer", "outer"]
