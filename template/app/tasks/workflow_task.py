"""Tasks that work together: a chain, a group, a chord, and callbacks. Change them or delete them.

https://docs.celeryq.dev/en/stable/userguide/canvas.html
"""

import logging
from typing import Any

from celery import chain, chord, group

from app.core.celery import celery_app
from app.tasks.base import BaseTask

logger = logging.getLogger(__name__)


@celery_app.task(name="datasync.count_words")
def count_words(text: str) -> int:
    """Count the words of a text. Its name leads it to the queue `datasync`."""
    return len(text.split())


@celery_app.task
def add(numbers: list[int]) -> int:
    """Add up numbers."""
    return sum(numbers)


@celery_app.task
def average(total: int, count: int) -> float:
    """Divide a sum by the number of its parts."""
    return total / count


@celery_app.task
def log_success(result: Any) -> None:
    """Run when another task has succeeded (`link`); it gets that task's result."""
    logger.info("the workflow has ended with %s", result)


@celery_app.task
def log_failure(request: Any, exception: BaseException, traceback: str) -> None:
    """Run when another task has failed (`link_error`); it gets that task's message, error and traceback."""
    logger.warning("task %s has failed: %s", request.id, exception)


@celery_app.task(bind=True, public=True)
def average_words(self: BaseTask, texts: list[str]) -> Any:
    """Count the words of all texts side by side (a group), add them up (which makes it a chord), divide (a chain).

    The workflow takes this task's place and id, so that its result is found under it.

    Raises:
        ValueError: There are no texts, or more than 100 of them.
    """
    if not 1 <= len(texts) <= 100:
        error = "texts must be 1 to 100"
        raise ValueError(error)
    counts = group(count_words.s(text) for text in texts)
    total = add.s().on_error(log_failure.s())
    last = average.s(len(texts)).on_error(log_failure.s())
    last.link(log_success.s())
    return self.replace(chain(chord(counts, total), last))
