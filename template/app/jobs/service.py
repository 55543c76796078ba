"""Sending tasks and asking after them from `async def` code, without blocking its event loop."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import anyio
from anyio import CapacityLimiter, to_thread
from celery import Task

from app.core.celery import celery_app
from app.jobs import states
from app.jobs.schemas import TaskQueued, TaskStatus

T = TypeVar("T")

# Threads of their own: a broker that hangs must not take those that other endpoints run in.
_limiter = CapacityLimiter(10)
LIMIT = 5.0  # seconds; drivers give up earlier, and this bounds what they try again


class UnknownTask(LookupError):
    """No public task has this name."""


class BadArguments(ValueError):
    """The arguments do not fit the task's signature."""


async def enqueue(task: Task[Any, Any], /, **arguments: Any) -> TaskQueued:
    """Send a task to the broker.

    Args:
        task: The task, as in `enqueue(send_notification, user_id=1, message="hello")`.
        arguments: The task's keyword arguments; they travel as JSON.

    Raises:
        BadArguments: The arguments do not fit the task's signature; nothing was sent.
        kombu.exceptions.OperationalError, TimeoutError: The broker or the result backend cannot be reached; the API
            answers 503. After a timeout the task may have been sent all the same.
    """
    try:
        inspect.signature(task.run).bind(**arguments)
    except TypeError as error:
        raise BadArguments(str(error)) from None
    send = partial(task.apply_async, kwargs=arguments)
    result = await _in_a_thread(send)
    return TaskQueued(task_id=UUID(result.id))


def public_task(name: str) -> Task[Any, Any]:
    """Find a task that declares `public=True` by its registered name.

    Raises:
        UnknownTask: There is none.
    """
    task = celery_app.tasks.get(name)
    if task is None or not getattr(task, "public", False):
        raise UnknownTask(name)
    return task


async def get_task_status(task_id: UUID) -> TaskStatus | None:
    """Return a task's status, or nothing when the id was never issued or its result has expired."""
    return await _in_a_thread(partial(states.get_task_status, celery_app, str(task_id)))


async def _in_a_thread(call: Callable[[], T]) -> T:
    with anyio.fail_after(LIMIT):
        return await to_thread.run_sync(call, limiter=_limiter, abandon_on_cancel=True)
