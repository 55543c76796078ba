"""The smallest application of FastAPI and Celery that acknowledges and tracks its tasks as the generated one does.

Its endpoint is the one that most documents show: an `async def` that calls `.delay()`. `BARE` names further settings.
"""

import os
import time
from pathlib import Path

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

celery = Celery("bare", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_RESULT_BACKEND"])
celery.conf.update(
    task_default_queue="bare",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    worker_prefetch_multiplier=1,
)
extras = os.environ.get("BARE", "").split()
if "confirms" in extras:  # what the generated project asks of RabbitMQ: on disk before it counts as sent
    celery.conf.update(
        task_default_queue_type="quorum",
        task_default_exchange="bare",
        task_default_exchange_type="topic",
        broker_transport_options={"confirm_publish": True},
    )
if "limits" in extras:
    celery.conf.update(task_time_limit=900, task_soft_time_limit=870)
if "replaced" in extras:
    celery.conf.worker_max_tasks_per_child = 1000


@celery.task
def noop(user_id: int, message: str) -> None:
    """Do nothing."""


@celery.task
def stamp(path: str) -> None:
    """Write the time to a file."""
    temporary = Path(f"{path}.new")
    temporary.write_text(repr(time.time()))
    temporary.rename(path)


class Notification(BaseModel):
    """What to tell whom."""

    user_id: int
    message: str


api = FastAPI()


@api.post("/notify", status_code=202)
async def notify_user(notification: Notification) -> dict[str, str]:
    """Enqueue a task."""
    result = noop.delay(user_id=notification.user_id, message=notification.message)
    return {"task_id": result.id}


@api.get("/health/live")
async def live() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}
