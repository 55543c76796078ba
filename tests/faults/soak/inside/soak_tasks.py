"""Tasks that say in a file when they begin and end, and whose results follow from their arguments."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.core.celery import celery_app
from app.jobs.service import JobsService
from app.tasks.base import BaseTask
from celery import chain, chord, group

TRACES = Path(os.environ.get("SOAK_TRACES", os.devnull))
CHILD = 1_000_000  # what the number of a task adds to that of the task that has sent it


def trace(task: BaseTask, number: int, what: str) -> None:
    """Add a line, in one piece."""
    request = task.request
    line = {
        "at": time.time(),
        "what": what,
        "number": number,
        "id": request.id,
        "task": task.name,
        "retries": request.retries,
        "redelivered": bool((request.delivery_info or {}).get("redelivered")),
        "pid": os.getpid(),
    }
    with TRACES.open("ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")


@contextmanager
def traced(task: BaseTask, number: int) -> Iterator[None]:
    """Say that a body begins and ends; one that is killed does not end."""
    trace(task, number, "begins")
    try:
        yield
    except Exception as error:
        trace(task, number, f"raises {type(error).__name__}")
        raise
    trace(task, number, "ends")


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def work(self: BaseTask, number: int, seconds: float = 0.0) -> int:
    """Take some time."""
    with traced(self, number):
        time.sleep(seconds)
    return number * 7 + 1


@celery_app.task(bind=True, public=True, default_retry_delay=1)
async def work_async(self: BaseTask, number: int) -> int:
    """Do the same as a coroutine."""
    with traced(self, number):
        pass
    return number * 7 + 1


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def tells(self: BaseTask, number: int, steps: int) -> int:
    """Tell how far it has come."""
    with traced(self, number):
        for step in range(steps):
            self.progress(step, steps, f"step {step}")
            time.sleep(0.2)
    return number * 7 + 1


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def fails(self: BaseTask, number: int) -> None:
    """Fail for good."""
    with traced(self, number):
        error = f"{number} fails"
        raise ValueError(error)


@celery_app.task(bind=True, public=True, default_retry_delay=1, dead_letter=True)
def fails_at_first(self: BaseTask, number: int) -> int:
    """Fail until it is sent again from the dead letters."""
    with traced(self, number):
        if not self.request.get("dead_letters"):
            error = f"{number} fails"
            raise ValueError(error)
    return number * 7 + 1


@celery_app.task(bind=True, public=True, autoretry_for=(ConnectionError,), default_retry_delay=1)
def retries(self: BaseTask, number: int, failures: int) -> int:
    """Succeed after some failures."""
    with traced(self, number):
        if self.request.retries < failures:
            error = f"{number} fails"
            raise ConnectionError(error)
    return number * 7 + 1


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def dies_at_first(self: BaseTask, number: int) -> int:
    """Kill its process the first time."""
    with traced(self, number):
        if self.request.retries == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return number * 7 + 1


@celery_app.task(bind=True, public=True, default_retry_delay=1, soft_time_limit=1)
def takes_too_long(self: BaseTask, number: int) -> int:
    """Run out of its time."""
    with traced(self, number):
        time.sleep(3)
    return number * 7 + 1


@celery_app.task(bind=True, default_retry_delay=1)
def step(self: BaseTask, value: int, number: int) -> int:
    """Add one, as a part of the work for `number`."""
    with traced(self, number):
        time.sleep(0.1)
    return value + 1


@celery_app.task(bind=True, default_retry_delay=1)
def total(self: BaseTask, values: list[int], number: int) -> int:
    """Add up, as a part of the work for `number`."""
    with traced(self, number):
        return sum(values)


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def becomes_a_chain(self: BaseTask, number: int) -> Any:
    """Go on as three steps, one after the other."""
    with traced(self, number):
        steps = chain(step.s(number, number), step.s(number), step.s(number))
    return self.replace(steps)


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def becomes_a_group(self: BaseTask, number: int, width: int) -> Any:
    """Go on as steps side by side."""
    with traced(self, number):
        steps = group(step.s(number + index, number) for index in range(width))
    return self.replace(steps)


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def becomes_a_chord(self: BaseTask, number: int, width: int) -> Any:
    """Go on as steps side by side, whose results are added up."""
    with traced(self, number):
        steps = chord(group(step.s(number + index, number) for index in range(width)), total.s(number))
    return self.replace(steps)


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def sends(self: BaseTask, number: int) -> str:
    """Send another job, the same one each time that it runs."""
    with traced(self, number):
        child = JobsService().push_task(
            work.name, str(self.organization_id), idempotency_key=f"child-{number}", number=number + CHILD
        )
    return str(child.task_id)
