"""Sending dead letters again: record, result and queue never contradict each other, whatever comes in between."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery.result import AsyncResult
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli import cli
from app.core import broker
from app.core.celery import celery_app
from app.core.config.settings import settings
from app.jobs import dead_letters
from app.jobs.dead_letters import NoSuchDeadLetter
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.dead_letters import NEED, fail, letters
from tests.processes import until

pytestmark = pytest.mark.usefixtures("no_dead_letters")

HOLD = "tests.tasks.hold"


def status(jobs: JobsService, task_id: str) -> str:
    """Return what a caller is told."""
    return jobs.get_task_status(task_id, "default").status


def leave_a_copy(**headers: Any) -> None:
    """Put a second copy of the letter into the queue, as an operator who is killed between two steps leaves one."""
    with celery_app.connection_for_write() as connection:
        queue = broker.DEAD_LETTER_QUEUE(connection.default_channel)
        message: Any = queue.get()
        connection.Producer().publish(
            message.body,
            headers=message.headers | headers,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            exchange=queue.exchange,
            routing_key=queue.routing_key,
        )
        message.requeue()


def refusal(client: TestClient, task_id: str) -> str:
    """Return what an administrator is told, and see that an operator is told the same."""
    answer = client.post(f"/dead-letters/{task_id}/replay")
    assert answer.status_code == 409
    told = CliRunner().invoke(cli, ["dead-letters", "replay", task_id])
    assert (told.exit_code, told.output) == (1, f"error: {answer.json()['detail']}\n")
    return told.output


def test_a_letter_is_sent_by_one_of_those_who_replay_it(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    path.write_text("here it is")

    def replay(_: int) -> bool:
        try:
            dead_letters.replay(task_id)
        except NoSuchDeadLetter:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(replay, range(4)))

    assert sent.count(True) == 1
    until(lambda: status(jobs, task_id) == "SUCCESS")
    assert dead_letters.list_dead_letters() == []


def test_a_letter_whose_job_has_succeeded_is_not_sent(
    jobs: JobsService, finished: Wait, tmp_path: Path, admin_client: TestClient
) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    leave_a_copy()
    path.write_text("here it is")
    dead_letters.replay(task_id)
    until(lambda: status(jobs, task_id) == "SUCCESS")

    assert "SUCCESS" in refusal(admin_client, task_id)

    assert finished(task_id)["result"] == "here it is"
    assert [letter.id for letter in letters()] == [task_id]


def test_a_letter_whose_job_was_cancelled_is_not_sent(
    jobs: JobsService, finished: Wait, tmp_path: Path, admin_client: TestClient
) -> None:
    task_id = fail(jobs, finished, tmp_path / "missing")
    leave_a_copy()
    gate = tmp_path / "gate"
    holding = [jobs.push_task(HOLD, "default", gate=str(gate)).task_id for _ in range(2)]
    until(lambda: {status(jobs, str(each)) for each in holding} == {"PROGRESS"})
    dead_letters.replay(task_id)
    assert status(jobs, task_id) == "QUEUED"
    assert jobs.cancel(task_id, "default")

    assert "REVOKED" in refusal(admin_client, task_id)

    gate.touch()
    for each in holding:
        finished(each)
    assert status(jobs, task_id) == "REVOKED"
    assert [letter.id for letter in letters()] == [task_id]


def test_a_letter_whose_job_runs_is_not_sent(
    jobs: JobsService, finished: Wait, tmp_path: Path, admin_client: TestClient
) -> None:
    path, gate = tmp_path / "missing", tmp_path / "gate"
    task_id = str(jobs.push_task("tests.tasks.fail_then_hold", "default", path=str(path), gate=str(gate)).task_id)
    finished(task_id)
    letters()
    leave_a_copy()
    path.touch()
    dead_letters.replay(task_id)
    until(lambda: status(jobs, task_id) == "PROGRESS")

    assert "PROGRESS" in refusal(admin_client, task_id)

    gate.touch()
    assert finished(task_id)["status"] == "SUCCESS"


def test_a_letter_that_names_another_organization_changes_nothing_of_the_job(
    jobs: JobsService, finished: Wait, tmp_path: Path, admin_client: TestClient
) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    leave_a_copy(organization_id="another")
    path.write_text("here it is")
    dead_letters.replay(task_id)
    until(lambda: status(jobs, task_id) == "SUCCESS")

    assert "another organization" in refusal(admin_client, task_id)

    assert finished(task_id)["result"] == "here it is"


def test_a_task_that_is_not_a_job_has_not_ended_while_it_is_sent_again(
    jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    path, gate = tmp_path / "missing", tmp_path / "gate"
    task = celery_app.send_task(NEED, kwargs={"path": str(path)})
    [letter] = letters()
    assert task.state == "FAILURE"
    holding = [jobs.push_task(HOLD, "default", gate=str(gate)).task_id for _ in range(2)]
    until(lambda: {status(jobs, str(each)) for each in holding} == {"PROGRESS"})
    path.write_text("here it is")

    # If its message came back now, having failed before would keep it from running.
    dead_letters.replay(letter.id)

    assert AsyncResult(task.id).state == "PENDING"
    gate.touch()
    until(lambda: AsyncResult(task.id).state == "SUCCESS")
    for each in holding:
        finished(each)


def test_a_chain_goes_on_when_its_part_is_sent_again(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    path, left = tmp_path / "missing", tmp_path / "left"
    task_id = jobs.push_task("tests.tasks.need_and_leave", "default", path=str(path), left=str(left)).task_id
    assert finished(task_id)["status"] == "FAILURE"
    [letter] = letters()
    path.write_text("here it is")

    dead_letters.replay(letter.id)

    until(left.exists)
    until(lambda: status(jobs, str(task_id)) == "SUCCESS")


def test_a_key_leads_to_the_job_while_it_is_sent_again(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    path, gate, key = tmp_path / "missing", tmp_path / "gate", str(uuid4())
    task_id = fail(jobs, finished, path, idempotency_key=key)
    holding = [jobs.push_task(HOLD, "default", gate=str(gate)).task_id for _ in range(2)]
    until(lambda: {status(jobs, str(each)) for each in holding} == {"PROGRESS"})
    dead_letters.replay(task_id)

    # It waits, and a second message of it would run beside it.
    assert str(jobs.push_task(NEED, "default", idempotency_key=key, path=str(path)).task_id) == task_id

    gate.touch()
    assert finished(task_id)["status"] == "FAILURE"
    assert [letter.id for letter in letters()] == [task_id]


@pytest.mark.skipif("embedded" not in settings.celery.CELERY_BROKER_URL, reason="breaks a file of the embedded broker")
def test_a_letter_that_the_broker_does_not_take_leaves_all_as_it_was(
    jobs: JobsService, finished: Wait, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    before = jobs.get_task_status(task_id, "default")
    [bound] = folder.joinpath("broker", "control").glob("*.tasks.exchange")
    content = bound.read_text()
    bound.write_text("no bindings")

    try:
        with pytest.raises(ValueError, match="Expecting value"):
            dead_letters.replay(task_id)
    finally:
        bound.write_text(content)

    assert jobs.get_task_status(task_id, "default") == before
    assert before.error
    path.write_text("here it is")
    dead_letters.replay(task_id)
    until(lambda: status(jobs, task_id) == "SUCCESS")
