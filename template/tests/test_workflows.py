"""Workflows: chains, groups, chords and callbacks."""

from pathlib import Path
from typing import Any

from celery import chain, group
from celery.exceptions import SoftTimeLimitExceeded
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.jobs.service import JobsService
from app.tasks.workflow_task import add, average, count_words, log_failure, log_success
from tests.conftest import Wait
from tests.processes import Lines, until


def test_a_task_that_becomes_a_workflow_ends_with_its_result(client: TestClient, finished: Wait, worker: Lines) -> None:
    queued = client.post("/tasks/app.tasks.workflow_task.average_words", json={"texts": ["a b c", "d"]}).json()

    assert finished(queued["task_id"])["result"] == 2.0
    until(lambda: [line for line in worker if line["message"] == "the workflow has ended with 2.0"])


def test_the_parts_of_a_workflow_work_for_its_organization(jobs: JobsService, finished: Wait, worker: Lines) -> None:
    queued = jobs.push_task("app.tasks.workflow_task.average_words", "acme", texts=["one two three"])
    finished(queued.task_id, "acme")

    [line] = until(lambda: [line for line in worker if line["message"] == "the workflow has ended with 3.0"])

    assert line["organization_id"] == "acme"


def test_tasks_run_one_after_another_and_side_by_side(worker: Lines) -> None:
    one_after_another = chain(add.s([1, 2]), average.s(2)).apply_async()
    side_by_side: Any = group(count_words.s(text) for text in ("a", "b c")).apply_async()

    assert until(lambda: one_after_another.ready() and one_after_another.state) == "SUCCESS"
    assert one_after_another.result == 1.5
    until(side_by_side.ready)
    assert [part.result for part in side_by_side.results] == [1, 2]


def test_callbacks_hear_of_success_and_of_failure(worker: Lines) -> None:
    good = add.apply_async(([40, 2],), link=log_success.s())
    bad = add.apply_async((["not a number"],), link_error=log_failure.s())

    until(lambda: [line for line in worker if line["message"] == "the workflow has ended with 42"])
    until(lambda: [line for line in worker if line["message"].startswith(f"task {bad.id} has failed: ")])
    assert good.state == "SUCCESS"


def test_a_workflow_whose_part_fails_fails(worker: Lines) -> None:
    chord = (group(add.s(["not a number"]), add.s([1])) | add.s()).apply_async()

    until(chord.ready)

    assert chord.state == "FAILURE"


def test_a_part_that_has_failed_does_not_run_again(worker: Lines) -> None:
    failed = add.apply_async((["not a number"],))
    until(failed.ready)

    # What Celery sends when it thinks that the task was lost with its process.
    again: dict[str, Any] = {"task_id": failed.id, "retries": 1}
    add.apply_async(([40, 2],), **again)

    until(lambda: [line for line in worker if f"{failed.id}] does not run" in line["message"]])
    assert failed.state == "FAILURE"


def test_a_chain_that_has_failed_does_not_go_on(jobs: JobsService, worker: Lines, tmp_path: Path) -> None:
    gate, path = tmp_path / "gate", tmp_path / "left"
    task_id = str(jobs.push_task("tests.tasks.go_on", "default", gate=str(gate), path=str(path)).task_id)
    until(lambda: [line for line in worker if f"go_on[{task_id}] ignored" in line["message"]])

    # What Celery notes when a part runs out of its time after the next one was sent.
    celery_app.backend.store_result(task_id, SoftTimeLimitExceeded(), "FAILURE")
    gate.touch()

    until(lambda: [line for line in worker if f"leave[{task_id}] does not run" in line["message"]])
    assert not path.exists()
    assert jobs.get_task_status(task_id, "default").status == "FAILURE"
