"""Tasks that do nothing, and one that says when it ran. This file is copied into the generated project."""

import time
from pathlib import Path

from app.core.celery import celery_app


@celery_app.task
def noop(user_id: int, message: str) -> None:
    """Do nothing."""


@celery_app.task
async def noop_async(user_id: int, message: str) -> None:
    """Do nothing, as a coroutine."""


@celery_app.task
def stamp(path: str) -> None:
    """Write the time to a file."""
    temporary = Path(f"{path}.new")
    temporary.write_text(repr(time.time()))
    temporary.rename(path)
