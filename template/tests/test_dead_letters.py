"""Dead letters: what could not be processed is kept, shown, sent again or deleted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli import cli
from app.core import broker
from app.core.celery import celery_app
from app.jobs import dead_letters
from app.jobs.dead_letters import DeadLetter
from app.jobs.service import JobsService
from tests.conftest import Lines, Wait, until

LETTERS = "/dead-letters"
NEED = "tests.tasks.need"


@pytest.fixture(autouse=True)
def empty(worker: Lines) -> Iterator[None]:
    """Begin and end without dead letters."""
    dead_letters.purge()
    yield
    dead_letters.purge()


def publish(body: Any, **options: Any) -> None:
    """Send what is no proper task to a queue."""
    queue = broker.QUEUES[0]
    with celery_app.connection_for_write() as connection:
        connection.Producer().publish(
            body, exchange=queue.exchange, routing_key=queue.routing_key, declare=[queue], **options
        )


def letters(count: int = 1) -> list[DeadLetter]:
    """Wait for some dead letters and return them."""
    found: list[DeadLetter] = until(lambda: len(listed := dead_letters.list_dead_letters()) == count and listed)
    return found


def fail(jobs: JobsService, finished: Wait, path: Path, **options: Any) -> str:
    """Send a task that fails until the file exists, and wait until it is a dead letter; return its id."""
    task_id = str(jobs.push_task(NEED, "default", path=str(path), **options).task_id)
    assert finished(task_id)["status"] == "FAILURE"
    letters()
    return task_id


def app(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    """Run a command; return its exit code and what it says."""
    result = CliRunner().invoke(cli, ["dead-letters", *arguments], input=answer)
    return result.exit_code, result.output


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
    for number in range(3):
        publish({"number": number})
    first = letters(3)

    assert dead_letters.list_dead_letters() == first
    assert dead_letters.list_dead_letters(limit=2) == first[:2]
    assert dead_letters.list_dead_letters() == first


def test_the_api_serves_administrators(
    admin_client: TestClient, jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    publish({"hello": "world"})
    letters(2)

    [letter] = [found for found in admin_client.get(LETTERS).json() if found["id"] == task_id]
    content = admin_client.get(f"{LETTERS}/{task_id}").json()
    assert content.pop("body")
    assert content == letter
    path.write_text("here it is")
    assert admin_client.post(f"{LETTERS}/{task_id}/replay").status_code == 202
    until(lambda: jobs.get_task_status(task_id, "default").status == "SUCCESS")
    [other] = admin_client.get(LETTERS).json()
    assert admin_client.delete(f"{LETTERS}/{other['id']}").json() == {"purged": 1}
    assert admin_client.delete(LETTERS).json() == {"purged": 0}


def test_the_api_serves_nobody_else(client: TestClient) -> None:
    assert client.get(LETTERS).status_code == 403
    assert client.delete(LETTERS).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/replay"), ("DELETE", "")])
def test_a_letter_that_is_not_there_is_not_found(method: str, path: str, admin_client: TestClient) -> None:
    assert admin_client.request(method, f"{LETTERS}/nothing{path}").status_code == 404


def test_the_command_line_serves_operators(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)

    code, listed = app("list")
    assert (code, listed.split()[0]) == (0, task_id)
    assert f"{NEED}  failed: FileNotFoundError" in listed
    assert json.loads(app("show", task_id)[1])["organization_id"] == "default"

    path.write_text("here it is")
    assert app("replay", task_id) == (0, f"Sent {task_id} to the queue default.\n")
    until(lambda: jobs.get_task_status(task_id, "default").status == "SUCCESS")

    publish({"hello": "world"})
    publish({"hello": "again"})
    one, _ = letters(2)
    assert app("purge", one.id) == (0, "Deleted 1.\n")
    assert app("purge", answer="n\n")[0] == 1
    assert app("purge", "--yes") == (0, "Deleted 1.\n")
    assert app("list") == (0, "")


@pytest.mark.parametrize("command", ["show", "replay", "purge"])
def test_the_command_line_says_what_is_not_there(command: str) -> None:
    assert app(command, "nothing") == (
        1,
        "error: there is no dead letter `nothing`; `app dead-letters list` shows them.\n",
    )
