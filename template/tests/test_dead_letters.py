"""Dead letters: what could not be processed is kept, shown, and sent again."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.core.celery import celery_app
from app.jobs import dead_letters
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.dead_letters import NEED, fail, letters, publish
from tests.processes import WORKER_LOG, Lines, until

pytestmark = pytest.mark.usefixtures("no_dead_letters")


def test_the_final_failure_of_a_task_that_asks_for_it_is_kept(
    jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    task_id = fail(jobs, finished, tmp_path / "missing")

    [letter] = letters()

    assert (letter.id, letter.task_name, letter.queue) == (task_id, NEED, "default")
    assert letter.organization_id == "default"
    assert letter.death.error
    assert (letter.death.reason, letter.death.error.type) == ("failed", "FileNotFoundError")
    assert letter.death.died_at


def test_a_failure_that_nobody_asks_about_is_not(jobs: JobsService, finished: Wait) -> None:
    finished(jobs.push_task("app.tasks.example_task.fetch_numbers", "default", count=-1).task_id)

    assert dead_letters.list_dead_letters() == []


def test_a_failure_stays_what_it_was_when_its_process_is_lost_afterwards(
    jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    task_id = str(jobs.push_task("tests.tasks.fail_and_die", "default", path=str(trace)).task_id)

    [letter] = letters()

    assert letter.id == task_id
    assert finished(task_id)["error"] == {"type": "ValueError", "message": "on purpose"}
    assert celery_app.AsyncResult(task_id).status == "FAILURE"
    assert trace.read_text() == "ran\n"


@pytest.mark.parametrize("dies", [True, False])
def test_a_success_stays_what_it_was_when_its_process_is_lost_afterwards(
    dies: bool, jobs: JobsService, finished: Wait, worker: Lines, tmp_path: Path
) -> None:
    trace, before = tmp_path / "trace", len(WORKER_LOG)
    task_id = jobs.push_task("tests.tasks.succeed_and_be_lost", "default", path=str(trace), dies=dies).task_id
    until(lambda: any("SIGKILL" in line for line in WORKER_LOG[before:]))

    assert finished(jobs.push_task("tests.tasks.describe", "default").task_id)["status"] == "SUCCESS"
    assert finished(task_id)["status"] == "SUCCESS"
    assert celery_app.AsyncResult(str(task_id)).status == "SUCCESS"
    assert dead_letters.list_dead_letters() == []
    assert trace.read_text() == f"ran {dies}\n"


def test_a_letter_that_is_sent_again_keeps_its_id_and_its_history(
    jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    path, key = tmp_path / "missing", str(uuid4())
    task_id = fail(jobs, finished, path, idempotency_key=key)

    dead_letters.replay(task_id)
    [letter] = letters()
    assert (letter.id, [death.reason for death in letter.history]) == (task_id, ["failed"])

    path.write_text("here it is")
    dead_letters.replay(task_id)

    until(lambda: jobs.get_task_status(task_id, "default").status == "SUCCESS")
    assert finished(task_id)["result"] == "here it is"
    assert dead_letters.list_dead_letters() == []
    same = jobs.push_task(NEED, "default", idempotency_key=key, path=str(path))
    assert str(same.task_id) == task_id


@pytest.mark.parametrize(
    ("body", "options", "reason"),
    [
        (b"{not json", {"content_type": "application/json", "content_encoding": "utf-8"}, "cannot be decoded"),
        (
            b"\x80\x04N.",
            {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
            "cannot be decoded",
        ),
        ({"hello": "world"}, {}, "is no task"),
        ([[], {}, {}], {"headers": {"id": "an-id", "task": "no.such.task"}}, "unknown task"),
    ],
    ids=["broken", "pickle", "no task", "unknown task"],
)
def test_a_message_that_no_task_can_be_made_of_is_kept(
    body: Any, options: dict[str, Any], reason: str, jobs: JobsService, finished: Wait
) -> None:
    publish(body, **options)

    [letter] = letters()

    assert letter.death.reason == reason
    content = dead_letters.show(letter.id).body
    assert content == body.decode(errors="backslashreplace") if isinstance(body, bytes) else json.loads(content) == body
    # And the worker goes on.
    assert finished(jobs.push_task("tests.tasks.describe", "default").task_id)["status"] == "SUCCESS"


def test_looking_changes_nothing() -> None:
    for number in range(50):
        publish({"number": number})
    first = letters(50)

    assert dead_letters.list_dead_letters() == first
    assert dead_letters.list_dead_letters(limit=2) == first[:2]
    assert dead_letters.list_dead_letters() == first
