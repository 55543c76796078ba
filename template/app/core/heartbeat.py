"""A file that is touched while a process does its work, so that its age tells a health check the truth in milliseconds.

`celery inspect ping` starts a Python process for each question, and needs the broker for the answer.
"""

from pathlib import Path
from typing import Any

from celery import Celery, bootsteps

from app.core.config.settings import settings

INTERVAL = 5.0  # seconds


def touch() -> None:
    """Say that this process is alive, if anybody looks."""
    if settings.app.HEARTBEAT_FILE:
        Path(settings.app.HEARTBEAT_FILE).touch()


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Touch the file from the consumer's own loop, which stands still while the broker is gone."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begin when the worker has its connection and its queues."""
        touch()
        self.timer = parent.timer.call_repeatedly(INTERVAL, touch)

    def stop(self, parent: Any) -> None:
        """End when the connection is lost or the worker stops."""
        self.timer.cancel()


def install(celery_app: Celery[Any]) -> None:
    """Give every worker of this application a heartbeat."""
    celery_app.steps["consumer"].add(WorkerHeartbeat)
