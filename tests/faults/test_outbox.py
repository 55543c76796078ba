"""A task that is pushed inside a transaction is sent if, and only if, the transaction is committed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from . import outages
from .stage import Stage, lines

pytestmark = [pytest.mark.faults, pytest.mark.on("rabbitmq-postgresql", "redis-mysql")]

# The outbox is emptied every five seconds of what has waited for ten.
SENT_SECONDS = 60.0

PUSH = """
import os, signal
from sqlalchemy import event
from sqlalchemy.orm import Session
from app.core.database import session
from app.jobs.service import JobsService

with session() as db:
    info = JobsService().push_task("app.tasks.fault_probe.note", {organization!r}, path={path!r})
    print(info.task_id, flush=True)
    {then}
"""


def test_a_task_whose_sender_is_killed_after_the_commit_is_sent_by_a_worker(stage: Stage) -> None:
    traces = stage.path()
    # SQLAlchemy's own event: the commit is done, and nothing else is.
    dies = 'event.listen(Session, "after_commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))'
    task_id, code = push(stage, traces, then=dies)

    assert code == -signal.SIGKILL
    assert lines(traces) == []
    stage.api.result(task_id, within=SENT_SECONDS)
    assert lines(traces) == [task_id]


def test_a_task_that_is_committed_while_the_broker_is_away_is_sent_later(stage: Stage) -> None:
    traces = stage.path()
    with outages.down(stage.servers["broker"]):
        task_id, code = push(stage, traces)

    assert code == 0
    stage.api.result(task_id, within=SENT_SECONDS)
    assert set(lines(traces)) == {task_id}


def test_a_task_of_a_transaction_that_was_rolled_back_never_runs(stage: Stage) -> None:
    traces = stage.path()
    task_id, code = push(stage, traces, then="raise SystemExit(7)")
    assert code == 7

    # What is sent after it, by the same way, has run: so would it have.
    later, _ = push(stage, stage.path())
    stage.api.result(later, within=SENT_SECONDS)
    assert stage.api.http.get(f"/tasks/{task_id}").status_code == 404
    assert lines(traces) == []


def push(stage: Stage, path: Path, then: str = "", **environment: str) -> tuple[str, int]:
    """Run a program that pushes a task inside a transaction; return the task's id and the program's exit code."""
    source = PUSH.format(then=then, organization=stage.organization, path=str(path))
    done = subprocess.run(
        ["python", "-c", source], cwd=stage.project.root, env=stage.environment | environment, capture_output=True,
        text=True, timeout=30,
    )  # fmt: skip
    sys.stderr.write(done.stderr)
    return done.stdout.strip(), done.returncode
