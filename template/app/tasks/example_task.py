"""A task of each kind: plain, with retries, `async def`, and one that runs by itself. Change them or delete them."""

import asyncio
import logging
import shutil
from typing import Any

from app.core.celery import celery_app
from app.tasks.base import BaseTask

logger = logging.getLogger(__name__)


@celery_app.task(public=True)
def send_notification(user_id: int, message: str) -> dict[str, Any]:
    """Notify a user; here the log stands for the mail or message that a real one sends.

    Raises:
        ValueError: There is nothing to say. Trying again would not help, so the task fails at once.
    """
    if not message:
        error = "message is empty"
        raise ValueError(error)
    # Not the message itself: logs are read by more people than mail.
    logger.info("notified user %s with %s characters", user_id, len(message))
    return {"status": "sent", "user_id": user_id}


@celery_app.task(bind=True, public=True, autoretry_for=(ConnectionError,))
def unreliable_task(self: BaseTask, failures: int = 2) -> dict[str, int]:
    """Fail `failures` times as a remote service might, then succeed.

    Only the errors in `autoretry_for` are worth another try; the delays grow from one second (see `BaseTask`).
    """
    attempt = self.request.retries + 1
    if attempt <= failures:
        error = f"attempt {attempt} failed"
        raise ConnectionError(error)
    return {"attempts": attempt}


@celery_app.task(public=True)
async def fetch_numbers(count: int) -> dict[str, list[int]]:
    """Wait for `count` answers at once, as calls to other services would.

    Raises:
        ValueError: More than 1,000 at once: what strangers can ask for needs a bound.
    """
    if not 0 <= count <= 1000:
        error = "count must be between 0 and 1000"
        raise ValueError(error)

    logger.info("fetching %s numbers", count)

    async def fetch(number: int) -> int:
        await asyncio.sleep(0.01)
        return number

    return {"numbers": list(await asyncio.gather(*(fetch(number) for number in range(count))))}


@celery_app.task
def report_free_space(path: str = ".") -> dict[str, int]:
    """Log the free space of the disk that holds `path`, in MiB."""
    free = shutil.disk_usage(path).free // 2**20
    logger.info("%s MiB free", free)
    return {"free_mib": free}
