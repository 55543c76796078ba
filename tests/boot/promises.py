"""What every booted variant must do; each function checks one promise from outside, in the order of `PROMISES`."""

import re
from collections.abc import Callable
from uuid import uuid4

import httpx

from .booted import Booted
from .client import said
from .endings import clean_logs, delivered, hidden_passwords, sigterm
from .jobs import (
    cancelling,
    dead_letters,
    idempotency,
    listing,
    organizations,
    outcomes,
    progress,
    transactions,
    workflow,
)
from .polling import wait_for
from .scheduling import backups, schedules

START_SECONDS = 40.0


def migrations(booted: Booted) -> None:
    """The migrations go up, down and up again, and the models ask for no other."""
    if booted.variant.has_database:
        # One process for all: importing the project takes longer than the migrations.
        commands = (["upgrade", "heads"], ["downgrade", "base"], ["upgrade", "heads"], ["check"])
        lines = "".join(f"main({command})\n" for command in commands)
        booted.command("python", "-c", f"from alembic.config import main\n{lines}")


def queued(booted: Booted) -> None:
    """A task is accepted, and known, before there is a worker."""
    booted.start_api()

    def live() -> bool:
        booted.processes["api"].expect_alive()
        return booted.api.http.get("/health/live").status_code == 200

    wait_for("the API answers", live, within=START_SECONDS)
    task_id = booted.api.notify(1, "hello")
    status = booted.api.status(task_id)
    assert status["status"] == "QUEUED", status


def notification(booted: Booted) -> None:
    """The notification that waited for the worker is sent."""
    booted.celery("worker", "--loglevel", "INFO", "--concurrency", "2")
    if booted.variant.has_beat:
        booted.start_beat()
    # It has to do with the broker and the results alone, and not with the scheduler.
    if booted.variant.has_flower and booted.variant.thorough:
        booted.start_flower()
    result = booted.api.result(booted.api.accepted[0])
    assert result == {"status": "sent", "user_id": 1}, result


def health(booted: Booted) -> None:
    """The API is ready, and names each service that it asked."""
    ready = wait_for("the API is ready", lambda: _ready(booted), within=10, every=0.5)
    body = ready.json()
    services = {"broker", "result_backend", "workers"} | ({"database"} if booted.variant.has_database else set())
    assert body["checks"].keys() == services, said(ready)
    assert {body["status"], *(check["status"] for check in body["checks"].values())} == {"ok"}, said(ready)


def retries(booted: Booted) -> None:
    """A task that fails twice succeeds at the third try; one that always fails ends with its message."""
    booted.recovering = booted.api.enqueue("example_task.unreliable_task", failures=2)
    # The delays are random and may be nothing; of several tasks, one waits long enough to be seen.
    booted.hopeless = [booted.api.enqueue("example_task.unreliable_task", failures=99) for _ in range(4)]
    booted.fails_on_purpose |= {booted.recovering, *booted.hopeless}

    def error_of_a_try() -> dict[str, str] | None:
        statuses = (booted.api.status(task_id) for task_id in booted.hopeless)
        return next((status["error"] for status in statuses if status["status"] == "RETRY"), None)

    error = wait_for("a failed try is seen in RETRY", error_of_a_try, within=10, every=0.02)
    assert error["type"] == "ConnectionError", error


def plain(booted: Booted) -> None:
    """A plain task comes back with its result, and one that fails with its message."""
    sent = booted.api.enqueue("example_task.send_notification", user_id=2, message="hi")
    failing = booted.api.enqueue("example_task.send_notification", user_id=3, message="")
    booted.fails_on_purpose.add(failing)
    result = booted.api.result(sent)
    assert result == {"status": "sent", "user_id": 2}, result
    error = booted.api.error(failing)
    assert error["type"] == "ValueError", error
    assert error["message"] == "message is empty", error


def coroutines(booted: Booted) -> None:
    """`async def` tasks run, call after call in the same processes."""
    calls = [booted.api.enqueue("example_task.fetch_numbers", count=3) for _ in range(20)]
    for call in calls:
        result = booted.api.result(call)
        assert result == {"numbers": [0, 1, 2]}, result


def database(booted: Booted) -> None:
    """Tasks write to the database in both styles: each call finds the records of those before it."""
    if booted.variant.has_database:
        tasks = ["database_task.process_user_data"] * 3 + ["database_task.process_user_data_async"] * 10
        for records, task in enumerate(tasks, start=1):
            result = booted.api.result(booted.api.enqueue(task, user_id=7))
            assert result == {"user_id": 7, "records": records}, (task, result)


def refusals(booted: Booted) -> None:
    """What is unknown or does not fit is refused; that nothing of it is sent, `delivered` shows."""
    notification = "app.tasks.example_task.send_notification"
    refused: list[tuple[int, str, str, object]] = [
        (404, "GET", f"/tasks/{uuid4()}", None),
        (404, "POST", "/tasks/app.tasks.example_task.no_such_task", {}),
        (404, "POST", "/tasks/app.tasks.boot_probe.tick", {"path": str(booted.project.ticks)}),
        (404, "POST", "/tasks/celery.backend_cleanup", {}),
        (422, "GET", "/tasks/not-a-uuid", None),
        (422, "POST", f"/tasks/{notification}", {"user_id": 1, "massage": "hi"}),
        (422, "POST", f"/tasks/{notification}", {"user_id": 1}),
        (422, "POST", f"/tasks/{notification}", [1, "hi"]),
        (422, "POST", "/notify", {"user_id": "nobody", "message": "hello"}),
    ]
    for code, method, path, body in refused:
        response = booted.api.http.request(method, path, json=body)
        assert response.status_code == code, said(response)


def strangers(booted: Booted) -> None:
    """Who has no valid credential is told so, always in the same words, and nothing is sent for him."""
    if booted.variant.auth == "none":
        return
    body = {"user_id": 1, "message": "hello"}
    told = set()
    for headers in ({}, booted.credential.wrong):
        for method, path in (
            ("POST", "/notify"),
            ("POST", "/tasks/app.tasks.example_task.send_notification"),
            ("GET", f"/tasks/{booted.api.accepted[0]}"),
        ):
            response = httpx.request(method, booted.api.http.base_url.join(path), json=body, headers=headers)
            assert response.status_code == 401, said(response)
            assert response.headers["WWW-Authenticate"], said(response)
            told.add(response.text)
    assert len(told) == 1, told


def beat(booted: Booted) -> None:
    """The schedule's entry runs, again and again; without a scheduler nothing does."""
    ticks = booted.project.ticks
    if booted.variant.has_beat:
        wait_for("the schedule's entry has run twice", lambda: ticks.read_text().count("tick") >= 2, within=15)
    else:
        assert not (booted.project.root / "app/core/schedule.py").exists(), "a schedule that nothing runs"
        assert not ticks.exists(), "a task ran that nobody sent"


def flower(booted: Booted) -> None:
    """Flower refuses a stranger, and shows the operator the worker."""
    if not booted.variant.has_flower:
        return
    wait_for("Flower answers", lambda: booted.flower.get("/").status_code, within=START_SECONDS)
    for path in ("/", "/api/workers", "/api/tasks"):
        stranger = booted.flower.get(path)
        assert stranger.status_code == 401, said(stranger)
        guess = booted.flower.get(path, auth=("admin", "admin"))
        assert guess.status_code == 401, said(guess)

    def workers() -> list[str]:
        response = booted.flower.get("/api/workers", params={"refresh": 1}, auth=booted.flower_user)
        assert response.status_code == 200, said(response)
        return list(response.json())

    names = wait_for("Flower lists the worker", workers, within=20, every=0.5)
    assert len(names) == 1, names
    assert re.fullmatch(r"demo(-project)?-[0-9a-f]{6}@.+", names[0]), names


def retried(booted: Booted) -> None:
    """The tasks of `retries` have ended."""
    result = booted.api.result(booted.recovering)
    assert result == {"attempts": 3}, result
    for task_id in booted.hopeless:
        error = booted.api.error(task_id)
        assert error == {"type": "ConnectionError", "message": "attempt 4 failed"}, error


def _ready(booted: Booted) -> httpx.Response:
    response = booted.api.http.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ok"), said(response)
    return response


# `sigterm` and what follows it come last.
BASICS: list[Callable[[Booted], None]] = [
    migrations,
    queued,
    notification,
    health,
    plain,
    database,
    strangers,
    beat,
    schedules,
    backups,
    hidden_passwords,
    sigterm,
    delivered,
    clean_logs,
]

PROMISES: list[Callable[[Booted], None]] = [
    migrations,
    queued,
    notification,
    retries,
    health,
    plain,
    coroutines,
    database,
    refusals,
    strangers,
    beat,
    schedules,
    backups,
    flower,
    workflow,
    progress,
    cancelling,
    dead_letters,
    idempotency,
    organizations,
    transactions,
    retried,
    listing,
    outcomes,
    hidden_passwords,
    sigterm,
    delivered,
    clean_logs,
]
