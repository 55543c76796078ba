"""Whatever stands in the result backend, asking for a task is answered, and nothing that stands there is run."""

import gzip
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.jobs.service import JobsService
from app.jobs.states import FINAL

DEEP = "[" * 500 + "]" * 500


def of(status: Any = "SUCCESS", result: Any = None) -> str:
    return json.dumps({"status": status, "result": result, "traceback": None, "children": [], "date_done": "never"})


def failure(**exception: Any) -> str:
    return of("FAILURE", exception)


NO_RESULTS: dict[str, str | bytes] = {
    "nothing that is text": b"\xff\xfe\xfa",
    "no JSON": "{",
    "no object": "[1]",
    "a number": "7",
    "no status": '{"result": 1}',
    "no result": '{"status": "SUCCESS"}',
    "a status of another type": of({"a": 1}),
    "a status of no type": of(None),
    "a date that is none": '{"status": "SUCCESS", "result": {"__type__": "datetime", "__value__": "never"}}',
    "a type that nobody knows": '{"status": "SUCCESS", "result": {"__type__": [], "__value__": 1}}',
    "too deep to be read": '{"status": "SUCCESS", "result": ' + "[" * 100_000,
    "too long a number": '{"status": "SUCCESS", "result": ' + "9" * 100_000 + "}",
    "what is compressed": b"\0celery-compressed\0application/x-gzip\0" + gzip.compress(of().encode()),
    "an error that is none": of("FAILURE", 7),
    "an error without a type": failure(exc_message="x"),
    "a type with no name": failure(exc_type=None, exc_message="x"),
    "a type of another type": failure(exc_type={"a": 1}, exc_module=["os"], exc_message="x"),
    "a name that is none": failure(exc_type="\ud800\0", exc_message="x"),
    "a function": failure(exc_type="system", exc_module="os", exc_message="touch {trace}"),
    "a class of no error": failure(exc_type="Popen", exc_module="subprocess", exc_message=[["touch", "{trace}"]]),
    "something inside a class": failure(exc_type="Path.touch", exc_module="pathlib", exc_message=["{trace}"]),
}
# Strange, but results; the error is what an answer says of it.
STRANGE: dict[str, tuple[str, str | None]] = {
    "text that cannot be written": (of(result="\ud800"), "UnreadableResult"),
    "bytes that are no text": (of(result={"__type__": "base64", "__value__": "/w=="}), "UnreadableResult"),
    "too deep to be written": ('{"status": "SUCCESS", "result": ' + DEEP + "}", "UnreadableResult"),
    "no number": (of(result=float("nan")), "UnreadableResult"),
    "a progress that is none": (of("PROGRESS", {"current": float("inf"), "total": {}, "message": DEEP}), None),
    "a state that nobody knows": (of("ELSEWHERE", DEEP), None),
    "an error that cannot say what it is": (failure(exc_type="UnicodeError", exc_message=DEEP), "UnicodeError"),
    "an error that stops a process": (failure(exc_type="SystemExit", exc_module="builtins"), "SystemExit"),
    "a time limit without a time": (
        failure(exc_type="TimeLimitExceeded", exc_module="billiard.exceptions", exc_message=[]),
        "TimeLimitExceeded",
    ),
    "a program that has ended strangely": (
        failure(exc_type="CalledProcessError", exc_module="subprocess", exc_message=["x", "y"]),
        "CalledProcessError",
    ),
}


class Code:
    """What a pickle runs."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.fixture
def task_id(jobs: JobsService) -> Iterator[UUID]:
    """Return the id of a task that waits."""
    if not hasattr(celery_app.backend, "set"):
        pytest.skip("results are not kept by name here")
    waiting = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id
    yield waiting
    celery_app.backend.forget(str(waiting))
    jobs.cancel(waiting, "default")


def put(task_id: UUID, payload: str | bytes) -> None:
    backend: Any = celery_app.backend
    backend.set(backend.get_key_for_task(str(task_id)), payload.encode() if isinstance(payload, str) else payload)


def told(client: TestClient, task_id: UUID) -> dict[str, Any]:
    """Ask for a task in every way that there is; all but its end is left out."""
    answer = client.get(f"/tasks/{task_id}")
    assert answer.status_code == 200, answer.text
    status: dict[str, Any] = answer.json()
    if status["status"] in FINAL:
        events = client.get(f"/tasks/{task_id}/events")
        assert events.status_code == 200
        assert events.text.startswith("event: end\n")
    assert client.get("/tasks").status_code < 500
    return status


@pytest.mark.parametrize("what", NO_RESULTS)
def test_what_is_no_result_is_told_as_an_error(what: str, client: TestClient, task_id: UUID, tmp_path: Path) -> None:
    trace, payload = tmp_path / "trace", NO_RESULTS[what]
    put(task_id, payload.replace("{trace}", str(trace)) if isinstance(payload, str) else payload)

    status = told(client, task_id)

    assert (status["status"], status["result"]) == ("FAILURE", None)
    assert status["error"]["type"] == "UnreadableResult"
    assert not trace.exists()


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_a_strange_result_is_told_as_far_as_it_can_be(what: str, client: TestClient, task_id: UUID) -> None:
    payload, error = STRANGE[what]
    put(task_id, payload)

    status = told(client, task_id)

    assert status["result"] is None
    assert (status["error"] or {"type": None})["type"] == error


def test_an_error_keeps_its_name_whatever_its_class_takes(client: TestClient, jobs: JobsService) -> None:
    waiting = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("{")
    celery_app.backend.store_result(str(waiting), raised.value, "FAILURE")

    error = client.get(f"/tasks/{waiting}").json()["error"]

    celery_app.backend.forget(str(waiting))
    jobs.cancel(waiting, "default")
    assert error == {"type": "JSONDecodeError", "message": str(raised.value)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_not_opened(protocol: int, client: TestClient, task_id: UUID, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    put(task_id, pickle.dumps({"status": "SUCCESS", "result": Code(trace)}, protocol))

    assert told(client, task_id)["error"]["type"] == "UnreadableResult"
    assert not trace.exists()


def test_a_task_whose_result_cannot_be_read_can_be_cancelled(client: TestClient, task_id: UUID) -> None:
    put(task_id, b"\x80")

    assert client.delete(f"/tasks/{task_id}").status_code < 500
