"""A task that was cancelled does not run."""

import time

import pytest

from tests.boot.client import said
from tests.boot.polling import wait_for

from .stage import Stage, lines

pytestmark = pytest.mark.faults


def test_a_task_that_was_cancelled_while_it_waited_never_starts(stage: Stage) -> None:
    stage.processes["worker"].kill()
    traces, later = stage.path(), stage.path()
    task_id = stage.enqueue("note", path=traces)
    cancelled = stage.api.http.delete(f"/tasks/{task_id}")
    assert cancelled.status_code == 202, said(cancelled)
    after = stage.enqueue("note", path=later)

    stage.start_worker()

    stage.api.result(after, within=60)
    assert stage.api.status(task_id)["status"] == "REVOKED"
    assert lines(traces) == []


def test_a_running_task_that_is_cancelled_is_stopped(stage: Stage) -> None:
    traces = stage.path()
    task_id = stage.enqueue("hold", path=traces, seconds=8.0)
    wait_for("the task has begun", lambda: lines(traces), within=10)

    cancelled = stage.api.http.delete(f"/tasks/{task_id}")

    assert cancelled.status_code == 202, said(cancelled)
    status = stage.api.outcome(task_id, within=10)
    assert status["status"] == "REVOKED", status
    again = stage.api.http.delete(f"/tasks/{task_id}")
    assert again.status_code == 409, said(again)
    # Its turn is over: both processes of the worker are free for tasks that take longer than what was left of it.
    others = [stage.enqueue("hold", path=stage.path(), seconds=4.5) for _ in range(4)]
    for other in others:
        stage.api.result(other)
    assert lines(traces) == [f"begun {task_id}"]


EXPIRES = """
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from app.jobs import records
from app.jobs.making import Options, make_job

job = make_job("app.tasks.fault_probe.note", {organization!r}, {{"path": {path!r}}}, Options())
records.push(replace(job, expires=datetime.now(UTC) + timedelta(seconds=1)))
print(job.id)
"""


def test_a_task_that_has_expired_before_it_began_is_revoked(stage: Stage) -> None:
    stage.processes["worker"].kill()
    traces = stage.path()
    task_id = stage.script(EXPIRES.format(organization=stage.organization, path=str(traces))).splitlines()[-1]
    time.sleep(2)

    stage.start_worker()

    assert stage.api.outcome(task_id, within=60)["status"] == "REVOKED"
    assert lines(traces) == []
    assert task_id not in stage.administer("GET", "/dead-letters").text
