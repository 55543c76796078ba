"""Which queues are being consumed: workers say so where results are kept, and `/health/workers` reads it.

The time is the one of that store, which all of them share: the clocks of two machines may differ.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from app.core.celery import celery_app
from app.core.config.settings import settings
from app.core.queues import QUEUES
from app.jobs.chores import every

INTERVAL = 5.0  # seconds
LATELY = 15.0  # seconds
CONSUMED = "CONSUMED"


def _id(queue: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"queue:{settings.app.SLUG}.{queue}"))


@every(INTERVAL)
def announce(consumer: Any) -> None:
    """Say which queues this worker consumes."""
    now = _now()
    for queue in consumer.task_consumer.queues:
        celery_app.backend.store_result(_id(queue.alias), now, CONSUMED)


def unconsumed(queues: Iterable[str] = QUEUES) -> list[str]:
    """Return the queues that no worker has consumed lately."""
    now = _now()
    return [queue for queue in queues if now - _seen(queue) > LATELY]


def _now() -> float:
    backend: Any = celery_app.backend
    return float(backend.now())


def _seen(queue: str) -> float:
    seen = celery_app.backend.get_task_meta(_id(queue), cache=False)["result"]
    return seen if isinstance(seen, float) else 0.0
