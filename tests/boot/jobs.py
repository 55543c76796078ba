"""The promises about jobs that every booted variant keeps, whatever carries and keeps them."""

import json
from uuid import uuid4

import httpx

from .booted import Booted
from .client import said
from .endings import SENT_BY_ITSELF
from .polling import wait_for

# Pushes one job in a transaction that is committed and one in a transaction that is rolled back.
TRANSACTIONS = """
from app.core.database import session
from app.jobs.service import JobsService

jobs = JobsService()
notification = "app.tasks.example_task.send_notification"
with session():
    print(jobs.push_task(notification, {organization!r}, user_id=4, message="committed").task_id)
try:
    with session():
        print(jobs.push_task(notification, {organization!r}, user_id=4, message="rolled back").task_id)
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
"""


def workflow(booted: Booted) -> None:
    """A group, a chord and a chain with callbacks give one result, under the id of the task that began them."""
    result = booted.api.result(booted.api.enqueue("workflow_task.average_words", texts=["one two", "three", ""]))
    assert result == 1.0, result


def progress(booted: Booted) -> None:
    """What a task tells of its progress is streamed, from the first state to the end."""
    task_id = booted.api.enqueue("boot_probe.steps", count=3)
    events = []
    with booted.api.http.stream("GET", f"/tasks/{task_id}/events", timeout=30) as stream:
        assert stream.status_code == 200, stream.status_code
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                events.append(value)
            elif name == "data" and events[-1] == "progress":
                told = json.loads(value)["progress"]
                assert told["total"] == 3, told
                assert told["message"] == f"step {told['current']:.0f}", told
            elif name == "data" and events[-1] == "end":
                assert json.loads(value)["result"] == 3, value
    assert events[-1] == "end", events
    assert "progress" in events, events


def outcomes(booted: Booted) -> None:
    """A caller gets what a task returns, or an error that names what cannot be had, whatever stores it."""
    day = "2026-01-02"
    returned: dict[str, object] = {
        "models": {"items": [{"name": "x", "unitPrice": 1.5, "color": "red"}]},
        "a dataclass": {"content": [{"content": "red", "day": day}], "day": day},
        "times": ["2026-01-02T03:04:05Z", day, "PT1H"],
        "numbers": ["1.10", 2**80, "00000000-0000-0000-0000-000000000007"],
        "text in bytes": "café",
        "NUL and signs": "a\0b \U0001f600",
    }
    refused: dict[str, tuple[str, str | tuple[str, str]]] = {
        "not a number": ("NotSerializable", "result.mean (float) is nan"),
        "no text": ("NotSerializable", "result.a[0] (str) is no text"),
        "no UTF-8": ("NotSerializable", "result.photo (bytes) is not UTF-8"),
        "levels without end": ("NotSerializable", "result[0]"),
        "five megabytes": ("ResultTooLarge", "the result takes 5000002 bytes"),
    }
    raised: dict[str, tuple[str, str | tuple[str, str]]] = {
        "a constructor of its own": ("Refusal", "order 7: no money"),
        "a group": ("ExceptionGroup", "two of them (2 sub-exceptions)"),
        "a class in a function": ("LocalError", "from a function"),
        # A database that knows few characters keeps the rest escaped.
        "no text": ("ValueError", ("a\ufffdb?", "a\\ufffdb?")),
        "signs": ("ValueError", ("Ошибка 😀", "\\u041e\\u0448")),
        "five megabytes": ("ValueError", "x" * 10_000),
        "an end": ("SystemExit", "3"),
    }
    given = {what: booted.api.enqueue("boot_outcomes.give", what=what) for what in returned}
    failed = [(booted.api.enqueue("boot_outcomes.give", what=what), end) for what, end in refused.items()]
    failed += [(booted.api.enqueue("boot_outcomes.fail", what=what), end) for what, end in raised.items()]
    booted.fails_on_purpose |= {task_id for task_id, _ in failed}
    assert {what: booted.api.result(task_id) for what, task_id in given.items()} == returned
    for task_id, (name, beginning) in failed:
        error = booted.api.error(task_id)
        assert error["type"] == name, error
        assert error["message"].startswith(beginning), error
        stream = booted.api.http.get(f"/tasks/{task_id}/events")
        assert stream.text.startswith("event: end\n"), said(stream)
    letters = booted.api.http.get("/dead-letters", headers=booted.credential.admin)
    assert letters.status_code == (403 if booted.variant.auth == "none" else 200), said(letters)
    if not booted.variant.has_database:
        return
    # As the worker noted it, not as the result backend would have it.
    listed = booted.api.http.get("/tasks", params={"status": "FAILURE", "limit": "100"})
    assert listed.status_code == 200, said(listed)
    assert {task_id for task_id, _ in failed} <= {item["task_id"] for item in listed.json()["items"]}


def cancelling(booted: Booted) -> None:
    """A cancelled task that waits never starts; one that runs is stopped."""
    begun = [booted.directory / f"begun-{number}" for number in range(3)]
    running = [booted.api.enqueue("boot_probe.hold", path=str(path), seconds=300) for path in begun[:2]]
    wait_for("both processes are busy", lambda: all(path.exists() for path in begun[:2]), within=10)
    waiting = booted.api.enqueue("boot_probe.hold", path=str(begun[2]), seconds=0)
    for task_id in (waiting, *running):
        answer = booted.api.http.delete(f"/tasks/{task_id}")
        assert answer.status_code == 202, said(answer)
        assert booted.api.outcome(task_id)["status"] == "REVOKED"
    # The processes are free again, and have passed over the task that waited.
    booted.api.result(booted.api.enqueue("example_task.send_notification", user_id=5, message="next"))
    assert not begun[2].exists(), "a cancelled task has run"
    again = booted.api.http.delete(f"/tasks/{waiting}")
    assert again.status_code == 409, said(again)
    booted.fails_on_purpose |= {*running}


def dead_letters(booted: Booted) -> None:
    """The message of a task that has failed for good is kept, shown, and sent again under its own id."""
    fixed = booted.directory / "fixed"
    task_id = booted.api.enqueue("boot_probe.broken", path=str(fixed))
    booted.fails_on_purpose.add(task_id)
    error = booted.api.error(task_id)
    assert error == {"type": "ValueError", "message": "not fixed yet"}, error

    def kept() -> bool:
        return f"{task_id}  " in booted.command("python", "-m", "app", "dead-letters", "list")

    wait_for("the dead letter is listed", kept, within=20, every=0.5)
    fixed.touch()
    booted.command("python", "-m", "app", "dead-letters", "replay", task_id)
    assert booted.api.result(task_id) == "fixed"


def idempotency(booted: Booted) -> None:
    """A second request with the same key gets the task of the first, and other arguments are refused."""
    path, key = "/tasks/app.tasks.example_task.send_notification", {"Idempotency-Key": str(uuid4())}
    first, second = (
        booted.api.http.post(path, json={"user_id": 6, "message": "once"}, headers=key).json() for _ in range(2)
    )
    assert first == second, (first, second)
    booted.api.accepted.append(first["task_id"])
    other = booted.api.http.post(path, json={"user_id": 7, "message": "once"}, headers=key)
    assert other.status_code == 422, said(other)


def organizations(booted: Booted) -> None:
    """To another organization, a task is what was never issued."""
    if booted.credential.elsewhere is None:
        return
    known, unknown = booted.api.accepted[0], str(uuid4())

    def answers(task_id: str) -> list[tuple[int, str]]:
        requests = [("GET", f"/tasks/{task_id}"), ("DELETE", f"/tasks/{task_id}"), ("GET", f"/tasks/{task_id}/events")]
        seen = [booted.api.http.request(*request, headers=booted.credential.elsewhere) for request in requests]
        return [(response.status_code, response.text.replace(task_id, "ID")) for response in seen]

    assert answers(known) == answers(unknown)
    assert {code for code, _ in answers(known)} == {404}


def transactions(booted: Booted) -> None:
    """A job that is pushed in a transaction is sent after the commit, and not at all after a rollback."""
    if not booted.variant.has_database:
        return
    script = TRANSACTIONS.format(organization=booted.credential.organization)
    committed, rolled_back = booted.command("python", "-c", script).split()
    booted.api.accepted.append(committed)
    booted.api.result(committed)
    answer = booted.api.http.get(f"/tasks/{rolled_back}")
    assert answer.status_code == 404, said(answer)


def listing(booted: Booted) -> None:
    """Where a database keeps the records, they can be listed, newest first, in pages."""
    if not booted.variant.has_database:
        return
    listed: list[str] = []
    page: dict[str, str] = {"limit": "10"}
    while True:
        answer: httpx.Response = booted.api.http.get("/tasks", params=page)
        assert answer.status_code == 200, said(answer)
        listed += [item["task_id"] for item in answer.json()["items"] if item["task_name"] not in SENT_BY_ITSELF]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
        page["cursor"] = cursor
    assert sorted(listed) == sorted(set(booted.api.accepted)), set(listed) ^ set(booted.api.accepted)
    failed = booted.api.http.get("/tasks", params={"status": "FAILURE"}).json()["items"]
    assert {item["error"]["type"] for item in failed} == {"ValueError", "ConnectionError"}, failed
