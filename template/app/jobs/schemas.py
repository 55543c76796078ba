"""What is said about jobs: tasks that were sent on behalf of an organization."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, FiniteFloat


class TaskInfo(BaseModel):
    """A task that was accepted."""

    model_config = ConfigDict(frozen=True)

    task_id: UUID
    task_name: str
    organization_id: str
    queue: str
    status: Literal["queued"] = "queued"


class TaskError(BaseModel):
    """Why a task failed or is tried again."""

    type: str
    message: str


class TaskProgress(BaseModel):
    """How far a running task has come."""

    current: FiniteFloat
    total: FiniteFloat
    message: str = ""


class TaskStatus(BaseModel):
    """What became of a task.

    Attributes:
        status: QUEUED, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE or REVOKED; UNKNOWN for an id that was never issued,
            has expired or belongs to another organization.
    """

    task_id: UUID
    task_name: str | None = None
    status: str
    result: Any = None
    error: TaskError | None = None
    progress: TaskProgress | None = None


class NoSuchTask(TaskStatus):
    """The status of a task that is unknown, which is an error as well."""

    detail: str = "There is no such task, or it has expired."
