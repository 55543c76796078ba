"""Organizations: a task works for one of them, and does not exist for the others."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.jobs.service import JobsService
from tests.conftest import Sent, Wait
from tests.processes import until

ASKING = [("GET", ""), ("GET", "/events"), ("DELETE", "")]


def test_a_task_that_names_the_organization_gets_it(jobs: JobsService, finished: Wait) -> None:
    queued = jobs.push_task("tests.tasks.name_organization", "acme", greeting="welcome")

    assert finished(queued.task_id, "acme")["result"] == "welcome, acme"


def test_over_the_api_it_is_the_callers(client: TestClient, finished: Wait) -> None:
    queued = client.post("/tasks/tests.tasks.name_organization", json={}).json()

    assert queued["organization_id"] == "default"
    assert finished(queued["task_id"])["result"] == "hello, default"


@pytest.mark.parametrize("name", ["tests.tasks.name_organization", "tests.tasks.take_anything"])
def test_a_request_cannot_name_another(name: str, client: TestClient, sent: Sent) -> None:
    response = client.post(f"/tasks/{name}", json={"organization_id": "acme"})

    assert response.status_code == 422
    assert sent == []


def test_a_message_for_one_that_names_another_in_its_arguments_fails(worker: object) -> None:
    message = celery_app.tasks["tests.tasks.name_organization"].apply_async(
        kwargs={"organization_id": "evil"}, headers={"organization_id": "acme"}
    )

    until(lambda: message.state == "FAILURE")
    assert "sent for 'acme', called for 'evil'" in str(message.result)


@pytest.mark.parametrize(("method", "path"), ASKING)
def test_the_task_of_another_is_answered_like_one_that_never_was(
    method: str, path: str, client: TestClient, jobs: JobsService, finished: Wait
) -> None:
    others, nobodys = str(jobs.push_task("tests.tasks.describe", "other").task_id), str(uuid4())
    finished(others, "other")

    answers = [client.request(method, f"/tasks/{task_id}{path}") for task_id in (others, nobodys)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(others, nobodys) == answers[1].text
    assert answers[0].headers.keys() == answers[1].headers.keys()


def test_another_cannot_cancel_it(jobs: JobsService, finished: Wait) -> None:
    queued = jobs.push_task("tests.tasks.describe", "acme", countdown=0.5)

    assert jobs.cancel(queued.task_id, "other") is None
    assert finished(queued.task_id, "acme")["status"] == "SUCCESS"
