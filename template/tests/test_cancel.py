"""Cancelling a task."""

from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import Lines, until


def test_a_task_that_waits_never_starts(jobs: JobsService, client: TestClient, finished: Wait, tmp_path: Path) -> None:
    task_id = jobs.push_task("tests.tasks.overrun", "default", path=str(tmp_path / "trace"), countdown=1).task_id

    response = client.delete(f"/tasks/{task_id}")

    assert (response.status_code, response.json()["status"]) == (202, "REVOKED")
    after = jobs.push_task("tests.tasks.describe", "default", countdown=1.5)
    finished(after.task_id)
    assert client.get(f"/tasks/{task_id}").json()["status"] == "REVOKED"
    assert not (tmp_path / "trace").exists()


def test_the_process_of_a_running_task_is_stopped(
    jobs: JobsService, client: TestClient, worker: Lines, finished: Wait, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    task_ids = [jobs.push_task("tests.tasks.hold", "default", gate=str(gate)).task_id for _ in range(2)]

    def statuses() -> list[str]:
        return [client.get(f"/tasks/{task_id}").json()["status"] for task_id in task_ids]

    until(lambda: statuses() == ["PROGRESS"] * 2)

    for task_id in task_ids:
        assert client.delete(f"/tasks/{task_id}").status_code == 202

    # Both processes of the worker were held: another task can only run because they no longer are.
    finished(jobs.push_task("tests.tasks.describe", "default").task_id)
    assert statuses() == ["REVOKED"] * 2
    assert not gate.exists()


@pytest.mark.parametrize("task", ["tests.tasks.go_on", "tests.tasks.go_on_together"])
def test_a_task_that_has_gone_on_as_others_begins_no_more_of_them(
    task: str, jobs: JobsService, client: TestClient, worker: Lines, finished: Wait, tmp_path: Path
) -> None:
    gates, paths = ([tmp_path / f"{kind} {number}" for number in (1, 2)] for kind in ("gate", "path"))

    def push(number: int) -> UUID:
        return jobs.push_task(task, "default", gate=str(gates[number]), path=str(paths[number])).task_id

    task_id = push(0)
    until(lambda: any(str(task_id) in line["message"] and "ignored" in line["message"] for line in worker))

    assert client.delete(f"/tasks/{task_id}").json()["status"] == "REVOKED"
    for gate in gates:
        gate.touch()
    # The last task of the other one is sent later, by the same means.
    assert finished(push(1))["status"] == "SUCCESS"
    assert [path.exists() for path in paths] == [False, True]
    assert client.get(f"/tasks/{task_id}").json()["status"] == "REVOKED"


def test_a_task_that_has_ended_cannot_be_cancelled(jobs: JobsService, client: TestClient, finished: Wait) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default").task_id
    finished(task_id)

    refused = client.delete(f"/tasks/{task_id}")

    assert (refused.status_code, refused.json()) == (409, {"detail": "The task has ended already."})
    assert client.get(f"/tasks/{task_id}").json()["status"] == "SUCCESS"


def test_a_task_can_be_cancelled_once(jobs: JobsService, client: TestClient) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id

    assert [client.delete(f"/tasks/{task_id}").status_code for _ in range(2)] == [202, 409]
