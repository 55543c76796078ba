"""Which queue a task goes to."""

import logging
from typing import Any

from app.core.celery import celery_app
from app.core.queues import QUEUES

logger = logging.getLogger(__name__)


def queue_of(task: Any) -> str:
    """Return the name of a task's queue in `app/core/queues.py`.

    Raises:
        celery.exceptions.QueueNotFound: The task itself names one that is not there.
    """
    own = getattr(task, "queue", None)
    queue = celery_app.amqp.router.route({"queue": own} if own else {}, task.name)["queue"]
    return str(queue.alias)


def report() -> None:
    """Say at the start of a process which tasks nobody will ever run."""
    for task, queue in misrouted().items():
        logger.error("%s goes to the queue %r, which is not in app/core/queues.py", task, queue)


def misrouted() -> dict[str, str]:
    """Return the tasks that name a queue of their own which does not exist, with its name."""
    named = {name: getattr(task, "queue", None) for name, task in celery_app.tasks.items()}
    return {name: queue for name, queue in named.items() if queue and queue not in QUEUES}
