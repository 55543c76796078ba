"""The life of a task as server-sent events: `state`, `progress`, and `end` with what `GET /tasks/{task_id}` answers."""

import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.core import stopping
from app.core.errors import responses
from app.core.security import CurrentCaller
from app.core.services import unavailable
from app.jobs.schemas import TaskStatus
from app.jobs.service import JobsService
from app.jobs.states import FINAL, PROGRESS, UNKNOWN

FASTEST, SLOWEST = 0.2, 2.0  # seconds between two looks; slower while nothing happens
# Seconds after which a stream ends by itself; a browser's EventSource comes back, and a dead connection does not.
LONGEST = 900.0
# Milliseconds after which the client of a stream that ends with its server connects to the next one.
RETRY = 1000

router = APIRouter(prefix="/tasks", tags=["tasks"])
jobs = JobsService()


async def status_of(task_id: UUID, caller: CurrentCaller) -> TaskStatus:
    """Find the task before the stream begins, or answer 404."""
    found = await jobs.get_task_status_async(task_id, caller.organization_id)
    if found.status == UNKNOWN:
        raise HTTPException(404, "There is no such task, or it has expired.")
    return found


@router.get("/{task_id}/events", response_class=EventSourceResponse, responses=responses(404))
async def events(
    status: Annotated[TaskStatus, Depends(status_of)], caller: CurrentCaller
) -> AsyncIterator[ServerSentEvent]:
    """Tell each change of a task until it has ended."""
    told, pause, until = TaskStatus(task_id=status.task_id, status=UNKNOWN), FASTEST, time.monotonic() + LONGEST
    while time.monotonic() < until:
        if status.status in FINAL or status.status == UNKNOWN:
            yield ServerSentEvent(event="end", data=status)
            return
        if status != told:
            event = "progress" if status.status == PROGRESS else "state"
            yield ServerSentEvent(event=event, data=status)
            told, pause = status, FASTEST
        if await stopping.within(pause):
            yield ServerSentEvent(retry=RETRY)
            return
        pause = min(pause * 1.5, SLOWEST)
        try:
            status = await jobs.get_task_status_async(status.task_id, caller.organization_id)
        except unavailable():
            # The client comes back and is told then.
            return
