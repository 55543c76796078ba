"""The list of an organization's jobs, newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select, tuple_

from app.core.database import session
from app.core.errors import invalid
from app.core.security import CurrentCaller
from app.jobs.models import JobRecord
from app.jobs.schemas import TaskError
from app.jobs.threads import in_a_thread

router = APIRouter(prefix="/tasks", tags=["tasks"])


class TaskSummary(BaseModel):
    """One job, as its record has it; `GET /tasks/{task_id}` tells more."""

    task_id: UUID
    task_name: str
    queue: str
    status: str
    attempts: int
    error: TaskError | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, record: JobRecord) -> Self:
        """Return what is told of a record."""
        return cls.model_validate(
            {**record.__dict__, "task_id": record.id, "error": record.as_record().error}, from_attributes=True
        )


class TaskPage(BaseModel):
    """Some jobs, and where the next ones begin."""

    items: list[TaskSummary]
    next_cursor: str | None


@router.get("")
async def list_tasks(
    caller: CurrentCaller,
    status: Annotated[str | None, Query(pattern=r"^[A-Z]{1,16}$")] = None,
    task_name: Annotated[str | None, Query(pattern=r"^[\w.]+$", max_length=255)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=255)] = None,
) -> TaskPage:
    """List the tasks of the caller's organization."""
    wanted = select(JobRecord).where(JobRecord.organization_id == caller.organization_id)
    if status:
        wanted = wanted.where(JobRecord.status == status)
    if task_name:
        wanted = wanted.where(JobRecord.task_name == task_name)
    if cursor:
        wanted = wanted.where(tuple_(JobRecord.created_at, JobRecord.id) < _decode(cursor))
    newest = wanted.order_by(JobRecord.created_at.desc(), JobRecord.id.desc()).limit(limit + 1)

    def read() -> TaskPage:
        with session() as db:
            records = db.scalars(newest).all()
        more = len(records) > limit
        page = records[:limit]
        return TaskPage(
            items=[TaskSummary.of(record) for record in page], next_cursor=_encode(page[-1]) if more else None
        )

    return await in_a_thread(partial(read))


def _encode(record: JobRecord) -> str:
    return urlsafe_b64encode(f"{record.created_at.isoformat()} {record.id}".encode()).decode()


def _decode(cursor: str) -> tuple[datetime, str]:
    try:
        created_at, _, task_id = urlsafe_b64decode(cursor).decode().partition(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), str(UUID(task_id))
    except (ValueError, OverflowError):
        raise invalid("The cursor is not one that this list has returned.", "query", "cursor") from None
