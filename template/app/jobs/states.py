"""What became of a task: the job's record and what the result backend holds, in one answer."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from celery import states
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from pydantic import ValidationError

from app.core.outcome import message_of, name_of, plain, storable
from app.core.readable import UnreadableResult
from app.jobs.schemas import TaskError, TaskProgress, TaskStatus

QUEUED: Final = "QUEUED"
PROGRESS: Final = "PROGRESS"
UNKNOWN: Final = "UNKNOWN"
FINAL: Final = frozenset({states.SUCCESS, states.FAILURE, states.REVOKED})


@dataclass(frozen=True)
class Record:
    """What is kept of a job from the moment that it was accepted."""

    task_id: str
    task_name: str
    organization_id: str
    status: str
    error: TaskError | None = None
    digest: str = ""


def error_of(exception: BaseException) -> TaskError:
    """Return an exception as it may be shown: its type and its message, and no traceback."""
    message = message_of(exception)
    with suppress(Exception):  # what is stored may have no time
        if isinstance(exception, TimeLimitExceeded):
            message = f"The task took longer than its time limit of {exception.args[0]} seconds."
        elif isinstance(exception, SoftTimeLimitExceeded):
            message = storable("; ".join(map(str, exception.args)))
    return TaskError(type=name_of(exception), message=message)


def error_in(meta: dict[str, Any]) -> TaskError | None:
    """Return the error that the result backend holds, if there is one."""
    result = meta["result"]
    return error_of(result) if isinstance(result, BaseException) else None


def _progress(result: Any) -> TaskProgress | None:
    try:
        return TaskProgress.model_validate(result)
    except ValidationError:
        # A state of the task's own, which `BaseTask.progress` has not made.
        return None


def _shown(meta: dict[str, Any]) -> Any:
    """Return the result as an answer can hold it; an error in its place if it is none that JSON can."""
    if meta["status"] == states.SUCCESS:
        try:
            return plain(meta["result"], "result")
        except Exception as error:
            # A worker of an earlier version has stored it, or somebody else.
            return UnreadableResult(f"The result cannot be shown: {message_of(error)}")
    return meta["result"]


def describe(record: Record, meta: dict[str, Any]) -> TaskStatus:
    """Return what became of a job.

    The record answers, unless the job has not ended: then the result backend knows more, how far it has come or that it
    has just ended. A task that has reached its end has succeeded, even if it was cancelled at that moment.

    Args:
        record: The job's record.
        meta: What the result backend holds, from `get_task_meta`.
    """
    state, result = storable(meta["status"]), _shown(meta)
    unreadable = isinstance(result, UnreadableResult)
    status, progress = record.status, None
    error = error_of(result) if isinstance(result, BaseException) else record.error
    if state == states.SUCCESS or (status not in FINAL and state != states.PENDING):
        status = state
    if record.error and record.status == status and not unreadable:
        # As the worker saw it: not every exception survives the result backend.
        error = record.error
    if status == PROGRESS:
        progress = _progress(result)
    return TaskStatus(
        task_id=record.task_id,
        task_name=record.task_name,
        status=status,
        result=result if status == state == states.SUCCESS and not unreadable else None,
        error=error if status in {states.FAILURE, states.RETRY} or unreadable else None,
        progress=progress,
    )
