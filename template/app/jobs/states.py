"""What became of a task: the job's record and what the result backend holds, in one answer."""

from dataclasses import dataclass
from typing import Any, Final

from celery import states
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from pydantic import ValidationError

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
    message = str(exception)
    if isinstance(exception, TimeLimitExceeded):
        message = f"The task took longer than its time limit of {exception.args[0]} seconds."
    elif isinstance(exception, SoftTimeLimitExceeded):
        message = "; ".join(map(str, exception.args))
    # As text that can be stored wherever records are.
    storable = message[:10_000].replace("\0", "\ufffd").encode(errors="replace").decode()
    return TaskError(type=type(exception).__name__, message=storable)


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


def describe(record: Record, meta: dict[str, Any]) -> TaskStatus:
    """Return what became of a job.

    The record answers, unless the job has not ended: then the result backend knows more, how far it has come or that it
    has just ended. A task that has reached its end has succeeded, even if it was cancelled at that moment.

    Args:
        record: The job's record.
        meta: What the result backend holds, from `get_task_meta`.
    """
    state, result = meta["status"], meta["result"]
    status, error, progress = record.status, error_in(meta), None
    if state == states.SUCCESS or (status not in FINAL and state != states.PENDING):
        status = state
    if record.error and record.status == status:
        # As the worker saw it: not every exception survives the result backend.
        error = record.error
    if status == PROGRESS:
        progress = _progress(result)
    return TaskStatus(
        task_id=record.task_id,
        task_name=record.task_name,
        status=status,
        result=result if status == state == states.SUCCESS else None,
        error=error if status in {states.FAILURE, states.RETRY} else None,
        progress=progress,
    )
