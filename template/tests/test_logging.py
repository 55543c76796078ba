"""Log lines: JSON in production, text elsewhere, and in both who and what they are about."""

from datetime import datetime

import pytest
from fastapi.testclient import TestClient

from app.core.logging import ContextFilter
from tests.conftest import Wait
from tests.processes import Lines, until

NOTIFY = "app.tasks.example_task.send_notification"


def test_a_line_in_production_is_json_and_says_on_whose_behalf_it_was_written(
    client: TestClient, finished: Wait, worker: Lines
) -> None:
    body = {"user_id": 4711, "message": "hello"}
    queued = client.post(f"/tasks/{NOTIFY}", json=body, headers={"X-Request-ID": "request-3"}).json()
    finished(queued["task_id"])

    [line] = until(lambda: [line for line in worker if line["message"].startswith("notified user 4711")])

    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo
    assert line == {
        "level": "INFO",
        "logger": "app.tasks.example_task",
        "message": "notified user 4711 with 5 characters",
        "task": NOTIFY,
        "task_id": queued["task_id"],
        "organization_id": "default",
        "request_id": "request-3",
    }


def test_an_error_is_one_line_too(client: TestClient, finished: Wait, worker: Lines) -> None:
    queued = client.post(f"/tasks/{NOTIFY}", json={"user_id": 1, "message": ""}).json()
    finished(queued["task_id"])

    [line] = until(lambda: [line for line in worker if queued["task_id"] in str(line) and line["level"] == "ERROR"])

    assert "ValueError: message is empty" in line["exc_info"]


def test_a_line_of_the_api_names_the_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(ContextFilter())

    client.get("/tasks/00000000-0000-0000-0000-000000000000", headers={"X-Request-ID": "request-4"})
    client.get("/health/ready", headers={"X-Request-ID": "request-5"})

    assert {record.__dict__.get("request_id") for record in caplog.records if record.name == "app.core.health"} <= {
        "request-5"
    }
