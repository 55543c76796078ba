"""Tasks that only the tests know. The worker of the tests includes them."""

import os
import signal
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import chain, chord
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from celery.signals import task_failure
from pydantic import BaseModel

from app.core.celery import celery_app
from app.jobs.service import JobsService
from app.tasks.base import BaseTask


class Item(BaseModel):
    """An argument with a shape of its own."""

    name: str
    price: float = 1.0


def wait_for(gate: str) -> None:
    """Wait until a test makes a file."""
    while not Path(gate).exists():
        time.sleep(0.02)


@celery_app.task(bind=True, public=True)
def describe(self: BaseTask) -> dict[str, Any]:
    """Tell what a run knows of itself."""
    delivery = self.request.delivery_info or {}
    return {
        "organization_id": self.organization_id,
        "request_id": self.request_id,
        "routing_key": delivery.get("routing_key"),
        "started_at": time.time(),
    }


@celery_app.task(bind=True, public=True)
async def describe_async(self: BaseTask) -> dict[str, Any]:
    """Tell the same from the event loop."""
    return {"organization_id": self.organization_id, "request_id": self.request_id}


@celery_app.task(public=True)
def name_types(when: datetime, item: Item, numbers: set[int], anything: Any = None) -> list[str]:
    """Name the types of the arguments."""
    assert item.price + when.year + sum(numbers) > 0
    return [type(value).__name__ for value in (when, item, numbers, anything)]


@celery_app.task
def fail_as_another_has() -> None:
    """Raise what the result of a task over its hard time limit raises."""
    raise TimeLimitExceeded(1)


@celery_app.task(public=True)
def take_anything(**arguments: Any) -> dict[str, Any]:
    """Return the arguments, whatever their names."""
    return arguments


@celery_app.task(public=True)
def name_organization(organization_id: str, greeting: str = "hello") -> str:
    """Greet the organization."""
    return f"{greeting}, {organization_id}"


@celery_app.task(bind=True)
def push_another(self: BaseTask, name: str) -> list[str]:
    """Send a task in each of the two ways."""
    pushed = JobsService().push_task(name, self.organization_id or "")
    return [str(pushed.task_id), celery_app.tasks[name].delay().id]


@celery_app.task(bind=True, public=True)
def hold(self: BaseTask, gate: str) -> str:
    """Wait for a file and tell how far that has come."""
    self.progress(1, 4, "waiting")
    wait_for(gate)
    return "done"


@celery_app.task
def leave(path: str) -> str:
    """Leave a file."""
    Path(path).touch()
    return path


@celery_app.task(bind=True)
def go_on(self: BaseTask, gate: str, path: str) -> None:
    """Go on as two tasks, one after the other."""
    raise self.replace(chain(hold.si(gate), leave.si(path)))


@celery_app.task(bind=True)
def go_on_together(self: BaseTask, gate: str, path: str) -> None:
    """Go on as two tasks side by side, and a third after them."""
    raise self.replace(chord([hold.si(gate), hold.si(gate)], leave.si(path)))


@celery_app.task(bind=True, max_retries=1, autoretry_for=(ConnectionError,))
def fail_twice(self: BaseTask, gate: str) -> None:
    """Fail with an error worth another try, and once more."""
    if self.request.retries:
        wait_for(gate)
    error = f"attempt {self.request.retries + 1}"
    raise ConnectionError(error)


@celery_app.task(public=True, dead_letter=True)
def need(path: str) -> str:
    """Fail as long as a file does not exist."""
    return Path(path).read_text()


@celery_app.task(bind=True, public=True)
def need_and_leave(self: BaseTask, path: str, left: str) -> None:
    """Go on as a task that fails as long as a file does not exist, and one after it."""
    raise self.replace(chain(need.si(path), leave.si(left)))


@celery_app.task(bind=True, dead_letter=True)
def fail_then_hold(self: BaseTask, path: str, gate: str) -> None:
    """Fail as long as a file does not exist, then wait for another one."""
    if not Path(path).exists():
        raise FileNotFoundError(path)
    self.progress(1, 2)
    wait_for(gate)


@celery_app.task(soft_time_limit=1)
def overrun(path: str) -> None:
    """Take longer than the soft time limit, and clean up."""
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        Path(path).write_text("cleaned up")
        raise


class Lingers(BaseTask):
    """What takes longer than its soft limit after its body."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Clean up, which takes long."""
        time.sleep(1.5)
        Path(kwargs["path"]).write_text("cleaned up")

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Clean up, which takes long."""
        self.on_success(None, task_id, args, kwargs)


@celery_app.task(base=Lingers, soft_time_limit=1)
def linger(path: str, *, fails: bool) -> str:
    """End in time."""
    if fails:
        raise ValueError(path)
    return path


@celery_app.task(time_limit=1)
def hang() -> None:
    """Take longer than the hard time limit, whatever the soft one says."""
    while True:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(30)


@celery_app.task
def listed(number: int) -> int:
    """Stand in a list of tasks."""
    return number


@celery_app.task(public=True, dead_letter=True)
def fail_and_die(path: str) -> None:
    """Fail, and lose the process when the end is stored."""
    with Path(path).open("a") as trace:
        trace.write("ran\n")
    message = "on purpose"
    raise ValueError(message)


class EndsLate(BaseTask):
    """What is lost with its process after it has succeeded."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Be killed, as by the kernel when memory runs out, or by the hard time limit."""
        if kwargs["dies"]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(30)


@celery_app.task(base=EndsLate, dead_letter=True, time_limit=1)
def succeed_and_be_lost(path: str, *, dies: bool) -> None:
    """Succeed, and lose the process when the end is stored."""
    with Path(path).open("a") as trace:
        trace.write(f"ran {dies}\n")


@task_failure.connect(sender=fail_and_die)
def die(**_: Any) -> None:
    """Be killed, as by the kernel when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
