"""With a key, workers act on what this project's processes have sent, and on nothing else."""

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.config.base import explain
from app.core.config.celery import CelerySettings
from app.core.headers import NAMES
from app.core.signing import HEADER
from tests import tasks
from tests.processes import Lines, run, running_worker, script

KEY, OTHER = "a key that this project alone has", "a key that somebody else has made"

DESCRIBE: tuple[str, dict[str, Any]] = ("tests.tasks.describe", {})

PUSH = """
from tests import tasks
from app.jobs.service import JobsService
for name, arguments in {jobs!r}:
    print(JobsService().push_task(name, "default", **arguments).task_id)
"""
# Each waits in its own process, for starting one takes longer than what it waits for.
ENDED = """
from app.jobs.service import JobsService
from tests.processes import until
for task_id in {task_ids!r}:
    until(lambda: JobsService().get_task_status(task_id, "default").status == "SUCCESS")
"""
STATUS = """
from app.jobs.service import JobsService
print(JobsService().get_task_status({task_id!r}, "default").status)
"""
LETTERS = """
import json
from tests import tasks
from tests.processes import until
from app.jobs.dead_letters import list_dead_letters
found = until(lambda: len(listed := list_dead_letters()) == {count} and listed)
print(json.dumps([(letter.id, letter.death.reason) for letter in found]))
"""
# A value of the right type that the message does not have.
OTHERS: dict[str, Any] = {
    "group_index": 7, "ignore_result": True, "job": False, "replaced_task_nesting": 1, "retries": 1,
    "stamped_headers": ["a"], "stamps": {"a": 1}, "timelimit": [5, 4], "eta": "2000-01-01T00:00:00+00:00",
    "expires": "2090-01-01T00:00:00+00:00", "id": "4e5b4a5e-6a0f-4b53-b3c5-5e2f6b7f1f0a",
}  # fmt: skip


class Place:
    """A broker of its own, so that no other worker takes what is sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.joinpath("results").mkdir()
        self.environment = {
            "CELERY_BROKER_URL": f"embedded://localhost/{folder}/broker",
            "CELERY_RESULT_BACKEND": f"app.core.embedded:Results+file://{folder}/results",
        }

    def say(self, source: str, key: str = KEY, **values: Any) -> Any:
        """Run a program in a process with a key, and return what it says."""
        done = script(source.format(**values), **self.environment, CELERY_SIGNING_KEY=key)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def push(self, *jobs: tuple[str, dict[str, Any]], key: str = KEY) -> list[str]:
        """Send jobs from a process with a key; return their ids."""
        return str(self.say(PUSH, key, jobs=jobs)).splitlines()

    def letters(self, count: int) -> list[tuple[str, str]]:
        """Wait for dead letters; return the id and the reason of each."""
        return [(task_id, reason) for task_id, reason in json.loads(self.say(LETTERS, count=count))]

    def messages(self) -> list[Path]:
        """Return the files of what waits."""
        return list(self.folder.joinpath("broker", "messages").glob("*.default.msg"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a broker of its own."""
    return Place(tmp_path)


def worker(place: Place, key: str) -> Any:
    """Run a worker with keys."""
    return running_worker(tasks.__name__, **place.environment, CELERY_SIGNING_KEY=key)


def altered(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a message once for each thing that somebody may have changed."""
    for name in NAMES:
        headers = message["headers"]
        other = OTHERS.get(name, f"{headers.get(name) or 'x'}x")
        yield message | {"headers": headers | {name: other}}
    body = base64.b64decode(message["body"]).replace(b"{}", b'{"a": 1}', 1)
    yield message | {"body": base64.b64encode(body).decode()}
    yield message | {"headers": {name: value for name, value in message["headers"].items() if name != HEADER}}
    yield message | {"headers": message["headers"] | {HEADER: message["headers"][HEADER][::-1]}}


def test_what_this_projects_processes_send_runs_and_so_does_what_was_sent_with_the_key_before(place: Place) -> None:
    [unsigned] = place.push(DESCRIBE, key="")
    before = place.push(DESCRIBE, key=OTHER)
    workflow = ("app.tasks.workflow_task.average_words", {"texts": ["a b", "c d e f"]})
    retried = ("app.tasks.example_task.unreliable_task", {"failures": 1})
    since = place.push(workflow, retried, ("tests.tasks.push_another", {"name": DESCRIBE[0]}), key=f"{KEY},{OTHER}")

    with worker(place, f"{KEY},{OTHER}"):
        place.say(ENDED, task_ids=before + since)
        assert place.letters(1) == [(unsigned, "is not signed")]


def test_what_somebody_has_changed_is_set_aside_and_touches_no_record(place: Place) -> None:
    [task_id] = place.push(DESCRIBE)
    [path] = place.messages()
    message = json.loads(path.read_text())
    forged = list(altered(message))
    for number, other in enumerate(forged):
        other["properties"] = message["properties"] | {"delivery_tag": str(uuid.uuid4())}
        path.with_name(f"{number:020d}_{uuid.uuid4()}.{path.name.partition('.')[2]}").write_text(json.dumps(other))
    text = path.read_text()
    path.unlink()

    with worker(place, KEY) as lines:
        found = place.letters(len(forged))
        assert {reason for _, reason in found} == {"is not signed", "has a signature that does not match"}
        assert not ran(lines)
        assert place.say(STATUS, task_id=task_id) == "QUEUED"
        refused = run("app", "dead-letters", "replay", task_id, **place.environment, CELERY_SIGNING_KEY=KEY)
        assert refused.returncode == 1
        assert "nobody can tell who has sent it" in refused.stderr

        path.write_text(text)

        place.say(ENDED, task_ids=[task_id])


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("short", "32 bytes or longer"),
        (f"{KEY},,", "32 bytes or longer"),
        (f"unsigned,{KEY}", "begins with the key that signs"),
    ],
)
def test_a_key_that_is_none_is_told_and_not_shown(keys: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_SIGNING_KEY", keys)

    with pytest.raises(ValidationError, match=told) as error:
        CelerySettings()

    assert keys not in explain(error.value)
    monkeypatch.setenv("CELERY_SIGNING_KEY", KEY)
    assert KEY not in repr(CelerySettings())


def ran(lines: Lines) -> list[dict[str, Any]]:
    """Return what a worker has said of tasks that it ran."""
    return [line for line in lines if "succeeded" in str(line.get("message", ""))]
