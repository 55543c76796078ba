"""Request ids: from the caller through the API into every task and log line."""

import pytest
from fastapi.testclient import TestClient

from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import Lines, until

HEADER = "X-Request-ID"


def test_the_callers_id_comes_back(client: TestClient) -> None:
    assert client.get("/health/live", headers={HEADER: "an.id-of_mine"}).headers[HEADER] == "an.id-of_mine"


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "a\tb"])
def test_a_request_without_a_proper_one_gets_an_id_of_its_own(given: str, client: TestClient) -> None:
    answers = {client.get("/health/live", headers={HEADER: given}).headers[HEADER] for _ in range(2)}

    assert len(answers) == 2
    assert given not in answers


def test_an_error_has_it_too(client: TestClient) -> None:
    assert client.post("/tasks/no.such.task", json={}, headers={HEADER: "lost"}).headers[HEADER] == "lost"


@pytest.mark.parametrize("name", ["describe", "describe_async"])
def test_a_task_knows_the_request_that_it_was_started_by(name: str, client: TestClient, finished: Wait) -> None:
    queued = client.post(f"/tasks/tests.tasks.{name}", json={}, headers={HEADER: "request-1"}).json()

    assert finished(queued["task_id"])["result"]["request_id"] == "request-1"


def test_tasks_that_are_started_by_a_task_know_it_as_well(client: TestClient, finished: Wait, worker: Lines) -> None:
    texts = {"texts": ["a b"]}
    queued = client.post("/tasks/app.tasks.workflow_task.average_words", json=texts, headers={HEADER: "request-2"})
    finished(queued.json()["task_id"])

    [line] = until(lambda: [line for line in worker if line.get("request_id") == "request-2" and "ended" in str(line)])

    assert line["task"] == "app.tasks.workflow_task.log_success"


def test_work_that_no_request_has_started_has_none(jobs: JobsService, finished: Wait) -> None:
    queued = jobs.push_task("tests.tasks.describe", "default")

    assert finished(queued.task_id)["result"]["request_id"] is None
