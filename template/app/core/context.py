"""Who asked, and in which task this code runs: what log lines show and what travels with every message that is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import current_task
from celery.app.task import Context
from celery.signals import before_task_publish

# Set for an HTTP request; a task's message carries its own.
request_id_of_http: ContextVar[str | None] = ContextVar("request_id", default=None)
organization_id_of_http: ContextVar[str | None] = ContextVar("organization_id", default=None)
# Celery keeps the running message in a stack for each thread, and `async def` bodies run in the event loop's.
message: ContextVar[Context | None] = ContextVar("message", default=None)

# What a broker adds to a message that it delivers again, or a worker that sends it again instead. It must not stick to
# the next message of the same task.
OF_ONE_DELIVERY = (
    "given_back",
    "redelivered",
    "x-acquired-count",
    "x-death",
    "x-delivery-count",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
)


# The job that goes on as the tasks that are sent now.
_going_on: ContextVar[str | None] = ContextVar("going_on", default=None)


@contextmanager
def part_of(request: Context) -> Iterator[None]:
    """Make what is sent meanwhile a part of the job that a message belongs to, if it belongs to one."""
    token = _going_on.set(request.get("part_of") or (str(request.id) if request.get("job") else None))
    try:
        yield
    finally:
        _going_on.reset(token)


def running_message() -> Context | None:
    """Return the message whose task this code belongs to, in a thread of Celery's or in the event loop's."""
    running = message.get() or (current_task.request if current_task else None)
    return running if running and running.id else None


def known() -> dict[str, str]:
    """Return what there is of `task`, `task_id`, `organization_id` and `request_id`."""
    running: Any = running_message() or {}
    found = {
        "task": running.get("task"),
        "task_id": running.get("id"),
        "organization_id": running.get("organization_id") or organization_id_of_http.get(),
        "request_id": running.get("request_id") or request_id_of_http.get(),
    }
    return {name: value for name, value in found.items() if value}


def request_id() -> str | None:
    """Return the id of the HTTP request that this work was started by."""
    return known().get("request_id")


def organization_id() -> str | None:
    """Return the organization that this work is done for."""
    return known().get("organization_id")


@before_task_publish.connect
def pass_on(headers: dict[str, Any], **_: Any) -> None:
    """Let a task that is sent from a request or from another task know on whose behalf."""
    for name in OF_ONE_DELIVERY:
        headers.pop(name, None)
    own = known()
    passed_on = {
        "request_id": own.get("request_id"),
        "organization_id": own.get("organization_id"),
        "part_of": _going_on.get() or _continued(),
    }
    for name, value in passed_on.items():
        if value is not None:
            headers.setdefault(name, value)


def _continued() -> str | None:
    """Return the job that a message is a part of whose task has run: its chain, group or chord goes on now.

    What a body sends is on its own, but for the bodies of Celery's own tasks, which are the joints of a canvas.
    """
    running = running_message()
    if running is None or (message.get() and not str(running.get("task")).startswith("celery.")):
        return None
    part_of: str | None = running.get("part_of")
    return part_of
