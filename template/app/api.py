"""The routes, one line for each domain. This file is yours: an update never changes it."""

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from app.core import health
from app.core.security import Enqueuer
from app.jobs import routes as jobs
from app.jobs.schemas import TaskQueued
from app.jobs.service import enqueue
from app.tasks.example_task import send_notification

router = APIRouter()
router.include_router(health.router)
router.include_router(jobs.router)


class Notification(BaseModel):
    """What to tell whom."""

    user_id: int
    message: Annotated[str, Field(min_length=1, max_length=10_000)]


@router.post("/notify", status_code=status.HTTP_202_ACCEPTED, tags=["notifications"])
async def notify_user(notification: Notification, _: Enqueuer) -> TaskQueued:
    """Notify a user in the background."""
    return await enqueue(send_notification, user_id=notification.user_id, message=notification.message)
