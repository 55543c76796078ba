"""What became of a task, as the result backend knows it."""

import logging
from typing import Any

from celery import Task, states

from app.jobs.schemas import TaskError, TaskStatus

logger = logging.getLogger(__name__)

QUEUED = "QUEUED"


def mark_queued(task: Task[Any, Any], task_id: str, options: dict[str, Any]) -> bool:
    """Record that a task is about to be sent; return whether a mark was made.

    A retry keeps the state that says so, and a task whose result nobody wants leaves nothing behind.
    """
    ignored = options.get("ignore_result", task.ignore_result)
    if ignored or options.get("retries") or task.app.conf.task_always_eager:
        return False
    task.backend.store_result(task_id, None, QUEUED)
    return True


def forget(task: Task[Any, Any], task_id: str) -> None:
    """Take the mark back."""
    try:
        task.backend.forget(task_id)
    except Exception:
        # The error that the caller is about to see matters more than a mark that will expire.
        logger.warning("the mark of task %s stays until it expires", task_id)


def get_task_status(task: Task[Any, Any] | Any, task_id: str) -> TaskStatus | None:
    """Return a task's status, or nothing when the id was never issued or its result has expired."""
    meta = task.backend.get_task_meta(task_id)
    state, result = meta["status"], meta["result"]
    if state == states.PENDING:
        return None
    error = None
    if isinstance(result, BaseException):
        error = TaskError(type=type(result).__name__, message=str(result))
    return TaskStatus(
        task_id=task_id,
        status=state,
        result=result if state == states.SUCCESS else None,
        error=error,
    )
