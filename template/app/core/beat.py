"""The scheduler: Celery's own, with a heartbeat."""

from typing import Any

from celery.beat import PersistentScheduler

from app.core import heartbeat


class HeartbeatScheduler(PersistentScheduler):
    """Celery's scheduler, which keeps the time of the last runs in a file."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due, and say that the scheduler still does so."""
        delay: float = super().tick(*args, **kwargs)
        heartbeat.touch()
        return delay
