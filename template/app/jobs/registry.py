"""The tasks that there are."""

from functools import cache
from typing import Any

from celery import Task

from app.core.celery import celery_app


class UnknownTask(LookupError):
    """No task is registered under this name."""


@cache
def import_tasks() -> None:
    """Import every task module, once."""
    celery_app.loader.import_default_modules()


def registered(name: str) -> Task[Any, Any]:
    """Find a task by its name.

    Raises:
        UnknownTask: There is none.
    """
    import_tasks()
    try:
        return celery_app.tasks[name]
    except KeyError:
        raise UnknownTask(name) from None


def public_tasks() -> list[Task[Any, Any]]:
    """Return the tasks that the API may send, those that declare `public=True`."""
    import_tasks()
    return [task for _, task in sorted(celery_app.tasks.items()) if getattr(task, "public", False)]
