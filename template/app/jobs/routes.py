"""The routes of background tasks."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, status

from app.core.security import CurrentCaller, Enqueuer
from app.jobs import service
from app.jobs.schemas import TaskQueued, TaskStatus

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.post("/{task_name}", status_code=status.HTTP_202_ACCEPTED)
async def enqueue(task_name: str, arguments: dict[str, Any], _: Enqueuer) -> TaskQueued:
    """Enqueue a public task by its name, with its keyword arguments as the body."""
    try:
        return await service.enqueue(service.public_task(task_name), **arguments)
    except service.UnknownTask:
        raise HTTPException(404, f"There is no public task named {task_name!r}.") from None
    except service.BadArguments as error:
        raise HTTPException(422, f"The arguments do not fit {task_name!r}: {error}.") from None


@router.get("/{task_id}")
async def get_task_status(task_id: UUID, _: CurrentCaller) -> TaskStatus:
    """Say what became of a task."""
    found = await service.get_task_status(task_id)
    if found is None:
        raise HTTPException(404, "There is no such task, or its result has expired.")
    return found
