"""Who asked, and in which task this code runs: what log lines show and what travels with every message that is sent."""

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

# What a broker adds to a message that it delivers again. It must not stick to the next message of the same task.
OF_ONE_DELIVERY = (
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


def running_message() -> Context | None:
    """Return the message whose task this code belongs to, in a thread of Celery's or in the event loop's."""
    return message.get() or (current_task.request if current_task and current_task.request.id else None)


def header(name: str) -> Any:
    """Return one of our own headers of the running message, or nothing outside a task."""
    running = running_message()
    return running.get(name) if running else None


def request_id() -> str | None:
    """Return the id of the HTTP request that this work was started by."""
    return header("request_id") or request_id_of_http.get()


def organization_id() -> str | None:
    """Return the organization that this work is done for."""
    return header("organization_id") or organization_id_of_http.get()


@before_task_publish.connect
def pass_on(headers: dict[str, Any], **_: Any) -> None:
    """Let a task that is sent from a request or from another task know on whose behalf."""
    for name in OF_ONE_DELIVERY:
        headers.pop(name, None)
    for name, value in (("request_id", request_id()), ("organization_id", organization_id())):
        if value is not None:
            headers.setdefault(name, value)
