"""How tests make dead letters, and wait for them."""

from pathlib import Path
from typing import Any

from app.core import broker
from app.core.celery import celery_app
from app.jobs.dead_letters import list_dead_letters
from app.jobs.death import DeadLetter
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import until

NEED = "tests.tasks.need"


def publish(body: Any, **options: Any) -> None:
    """Send what is not a proper task to a queue."""
    queue = broker.QUEUES[0]
    with celery_app.connection_for_write() as connection:
        connection.Producer().publish(
            body, exchange=queue.exchange, routing_key=queue.routing_key, declare=[queue], **options
        )


def letters(count: int = 1) -> list[DeadLetter]:
    """Wait for some dead letters and return them."""
    found: list[DeadLetter] = until(lambda: len(listed := list_dead_letters()) == count and listed)
    return found


def fail(jobs: JobsService, finished: Wait, path: Path, **options: Any) -> str:
    """Send a task that fails until the file exists, and wait until it is a dead letter; return its id."""
    task_id = str(jobs.push_task(NEED, "default", path=str(path), **options).task_id)
    assert finished(task_id)["status"] == "FAILURE"
    letters()
    return task_id
