"""A task that was cancelled, or has expired, does not run."""

import time

import pytest

from tests.boot.client import said
from tests.boot.polling import wait_for

from .stage import Stage, lines

pytestmark = pytest.mark.faults

# As schedules send them.
PUSH_SHORT_LIVED = """
import uuid
from datetime import UTC, datetime, timedelta
from app.jobs import records
from app.jobs.job import Job
from app.jobs.registry import import_tasks
import_tasks()
soon = datetime.now(UTC) + timedelta(seconds=2)
for keyed in (False, True):
    job = Job(id=str(uuid.uuid4()), task_name="app.tasks.fault_probe.note", organization_id={organization!r},
              request_id=None, queue="default", arguments={{"path": {path!r}}}, digest="", expires=soon, keyed=keyed)
    records.push(job)
    print(job.id)
"""


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


def test_a_task_that_expires_before_it_begins_is_told_as_revoked(stage: Stage) -> None:
    stage.processes["worker"].kill()
    traces = stage.path()
    ids = stage.script(PUSH_SHORT_LIVED.format(organization=stage.organization, path=str(traces))).split()
    time.sleep(3)

    stage.start_worker()

    for task_id in ids:
        assert stage.api.outcome(task_id, within=60)["status"] == "REVOKED"
    assert lines(traces) == []
    assert stage.cli("dead-letters", "list") == ""
