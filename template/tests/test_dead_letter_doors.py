"""Dead letters through the API, which is for administrators, and the command line, which is for operators."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli import cli
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.dead_letters import NEED, fail, letters, publish
from tests.processes import until

LETTERS = "/dead-letters"

pytestmark = pytest.mark.usefixtures("no_dead_letters")


def app(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    """Run a command; return its exit code and what it says."""
    result = CliRunner().invoke(cli, ["dead-letters", *arguments], input=answer)
    return result.exit_code, result.output


def test_the_api_serves_administrators(
    admin_client: TestClient, jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    path = tmp_path / "missing"
    task_id = fail(jobs, finished, path)
    publish({"hello": "world"})
    letters(2)

    [letter] = [found for found in admin_client.get(LETTERS).json() if found["id"] == task_id]
    content = admin_client.get(f"{LETTERS}/{task_id}").json()
    assert len(content.pop("body")) == content.pop("body_bytes")
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
