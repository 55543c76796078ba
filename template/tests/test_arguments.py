"""Arguments: in the types of the task's signature when its body runs, and on the page that describes the API."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs.arguments import BadArguments, model_of
from app.jobs.registry import public_tasks
from app.jobs.service import JobsService
from tests.conftest import Sent, Wait
from tests.tasks import Item

TYPES = "tests.tasks.name_types"


def test_they_arrive_in_the_types_of_the_signature(client: TestClient, finished: Wait) -> None:
    body = {"when": "2030-01-02T03:04:05Z", "item": {"name": "pen"}, "numbers": [1, 2, 2]}

    queued = client.post(f"/tasks/{TYPES}", json=body).json()

    assert finished(queued["task_id"])["result"] == ["datetime", "Item", "set", "NoneType"]


def test_a_script_may_send_them_in_these_types(jobs: JobsService, finished: Wait) -> None:
    when = datetime.fromisoformat("2030-01-02T03:04:05+00:00")

    queued = jobs.push_task(TYPES, "default", when=when, item=Item(name="pen"), numbers={1}, anything=[1])

    assert finished(queued.task_id)["result"] == ["datetime", "Item", "set", "list"]


@pytest.mark.parametrize(
    "arguments", [{"item": Item(name="pen", price=float("inf"))}, {"item": Item(name="pen"), "anything": object()}]
)
def test_what_json_cannot_carry_is_refused(arguments: dict[str, Any], jobs: JobsService, sent: Sent) -> None:
    with pytest.raises(BadArguments):
        jobs.push_task(TYPES, "default", when=datetime.now(UTC), numbers=[1], **arguments)

    assert sent == []


def test_a_task_may_take_any_arguments(client: TestClient, finished: Wait) -> None:
    queued = client.post("/tasks/tests.tasks.take_anything", json={"one": 1, "two": [2]}).json()

    assert finished(queued["task_id"])["result"] == {"one": 1, "two": [2]}


def test_an_argument_cannot_pass_for_an_option(client: TestClient, finished: Wait) -> None:
    body = {"queue": "ai", "priority": 99, "countdown": 600, "idempotency_key": "a-key", "task_name": "another"}

    queued = client.post("/tasks/tests.tasks.take_anything", json=body).json()

    assert queued["queue"] == "default"
    assert finished(queued["task_id"])["result"] == body


def test_the_api_describes_every_public_task(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    assert "/tasks/{task_name}" not in described["paths"]
    for task in public_tasks():
        route: dict[str, Any] = described["paths"][f"/tasks/{task.name}"]["post"]
        reference = route["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        model = described["components"]["schemas"][reference.rpartition("/")[2]]
        assert model.get("properties", {}).keys() == model_of(task).model_fields.keys()
        assert "organization_id" not in model.get("properties", {})
        assert "idempotency-key" in [parameter["name"].lower() for parameter in route["parameters"]]
        assert not task.__doc__ or route["summary"] in task.__doc__
