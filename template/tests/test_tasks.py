"""Tasks, from the API through the broker to a worker and back."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app, task_modules
from app.core.logging import ContextFilter
from app.tasks.base import BaseTask
from app.tasks.example_task import fetch_numbers, send_notification
from tests.conftest import Wait

EXAMPLES = "app.tasks.example_task"


def test_a_notification_is_accepted_and_sent(client: TestClient, finished: Wait) -> None:
    response = client.post("/notify", json={"user_id": 7, "message": "hello"})

    assert response.status_code == 202
    queued = response.json()
    assert (str(UUID(queued["task_id"])), queued["status"]) == (queued["task_id"], "queued")
    status = finished(queued["task_id"])
    assert (status["status"], status["error"]) == ("SUCCESS", None)
    assert status["result"] == {"status": "sent", "user_id": 7}


def test_a_task_that_fails_says_why(client: TestClient, finished: Wait) -> None:
    queued = client.post(f"/tasks/{EXAMPLES}.send_notification", json={"user_id": 7, "message": ""})

    status = finished(queued.json()["task_id"])

    assert status["status"] == "FAILURE"
    assert status["error"] == {"type": "ValueError", "message": "message is empty"}


def test_a_task_that_fails_for_a_while_is_tried_again(client: TestClient, finished: Wait) -> None:
    queued = client.post(f"/tasks/{EXAMPLES}.unreliable_task", json={"failures": 1})

    status = finished(queued.json()["task_id"])

    assert status["status"] == "SUCCESS"
    assert status["result"] == {"attempts": 2}


def test_an_async_task_runs_call_after_call(client: TestClient, finished: Wait) -> None:
    for count in range(5):
        queued = client.post(f"/tasks/{EXAMPLES}.fetch_numbers", json={"count": count})
        assert finished(queued.json()["task_id"])["result"] == {"numbers": list(range(count))}


def test_a_task_is_a_function_too() -> None:
    assert send_notification(user_id=1, message="hello") == {"status": "sent", "user_id": 1}


@pytest.mark.parametrize("name", ["no.such.task", f"{EXAMPLES}.report_free_space", "celery.backend_cleanup"])
def test_only_public_tasks_can_be_enqueued(client: TestClient, name: str) -> None:
    assert client.post(f"/tasks/{name}", json={}).status_code == 404


@pytest.mark.parametrize("arguments", [{}, {"user_id": 1}, {"user_id": 1, "message": "hello", "extra": 1}])
def test_arguments_that_do_not_fit_are_refused(client: TestClient, arguments: dict[str, object]) -> None:
    assert client.post(f"/tasks/{EXAMPLES}.send_notification", json=arguments).status_code == 422


def test_an_id_that_was_never_issued_is_not_found(client: TestClient) -> None:
    assert client.get(f"/tasks/{uuid4()}").status_code == 404
    assert client.get("/tasks/nonsense").status_code == 422


@pytest.mark.parametrize(
    ("task", "arguments"), [(send_notification, {"user_id": 1, "message": "hello"}), (fetch_numbers, {"count": 1})]
)
def test_a_line_in_the_log_names_its_task(
    task: BaseTask, arguments: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    caplog.handler.addFilter(ContextFilter())

    task.apply(kwargs=arguments, task_id="an-id")

    lines = [record.__dict__["context"] for record in caplog.records if record.name == EXAMPLES]
    assert lines == [f" task={task.name} task_id=an-id"]


def test_every_module_in_tasks_is_found() -> None:
    assert EXAMPLES in task_modules()
    celery_app.loader.import_default_modules()
    assert send_notification.name in celery_app.tasks
