"""What the API says about tasks."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel


class TaskQueued(BaseModel):
    """A task that was handed to the broker."""

    task_id: UUID
    status: Literal["queued"] = "queued"


class TaskError(BaseModel):
    """Why a task failed or is tried again."""

    type: str
    message: str


class TaskStatus(BaseModel):
    """What became of a task.

    Attributes:
        status: QUEUED, STARTED, RETRY, SUCCESS, FAILURE or REVOKED, or a state that the task itself has set.
    """

    task_id: UUID
    status: str
    result: Any = None
    error: TaskError | None = None
