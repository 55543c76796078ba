"""One logging set-up for every process, so that their lines read alike."""

import logging.config
from typing import Any

from celery.signals import setup_logging

from app.core.config.settings import settings
from app.tasks.base import running_request


class TaskFilter(logging.Filter):
    """Give every record the task that it was written in."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add `task`, which is empty outside a task, and keep the record."""
        request = running_request()
        record.task = f" [{getattr(request, 'task', '?')} {request.id}]" if request and request.id else ""
        return True


def configure() -> None:
    """Send every logger's lines to standard error, with the name and id of the task they belong to."""
    to_the_root: dict[str, Any] = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"task": {"()": TaskFilter}},
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s%(task)s %(message)s"}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["task"]},
            },
            "loggers": {"uvicorn": to_the_root, "uvicorn.access": to_the_root},
            "root": {"handlers": ["stderr"], "level": settings.app.LOG_LEVEL},
        }
    )


def install() -> None:
    """Let Celery's processes use this set-up in place of Celery's own."""
    # https://docs.celeryq.dev/en/stable/userguide/signals.html#setup-logging
    setup_logging.connect(_configure, weak=False)


def _configure(**_: Any) -> None:
    configure()
