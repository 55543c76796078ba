"""Status: what is said of a task at each point of its life."""

from pathlib import Path
from uuid import uuid4

from fastapi.testclient import TestClient

from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import until


def test_an_id_that_was_never_issued_is_unknown(client: TestClient) -> None:
    task_id = str(uuid4())

    response = client.get(f"/tasks/{task_id}")

    assert response.status_code == 404
    assert (response.json()["task_id"], response.json()["status"]) == (task_id, "UNKNOWN")


def test_a_task_that_waits_is_queued(jobs: JobsService, client: TestClient) -> None:
    queued = jobs.push_task("tests.tasks.describe", "default", countdown=60)

    assert client.get(f"/tasks/{queued.task_id}").json() == {
        "task_id": str(queued.task_id),
        "task_name": "tests.tasks.describe",
        "status": "QUEUED",
        "result": None,
        "error": None,
        "progress": None,
    }
    jobs.cancel(queued.task_id, "default")


def test_a_task_that_is_tried_again_says_why_and_fails_in_the_end(
    jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    queued = jobs.push_task("tests.tasks.fail_twice", "default", gate=str(gate))

    def status() -> str:
        return jobs.get_task_status(queued.task_id, "default").status

    until(lambda: status() == "RETRY")
    waiting = jobs.get_task_status(queued.task_id, "default").error
    assert waiting
    assert (waiting.type, waiting.message) == ("ConnectionError", "attempt 1")

    until(lambda: status() == "STARTED")
    gate.touch()
    ended = finished(queued.task_id)
    assert ended["status"] == "FAILURE"
    assert ended["error"] == {"type": "ConnectionError", "message": "attempt 2"}


def test_only_errors_worth_it_are_tried_again(jobs: JobsService, finished: Wait) -> None:
    queued = jobs.push_task("app.tasks.example_task.unreliable_task", "default", failures="2")
    wrong = jobs.push_task("app.tasks.example_task.fetch_numbers", "default", count=-1)

    assert finished(wrong.task_id)["error"] == {
        "type": "ValueError",
        "message": "count must be between 0 and 1000",
    }
    jobs.cancel(queued.task_id, "default")
