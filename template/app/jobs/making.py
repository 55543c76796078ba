"""From a task's name and arguments to a job, or to the reason why there is none."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core import broker, context
from app.core.config.settings import settings
from app.core.queues import QUEUES
from app.jobs.arguments import BadArguments, to_json
from app.jobs.job import Job, digest_of, written
from app.jobs.registry import registered
from app.jobs.routing import queue_of


class TooLarge(ValueError):
    """The arguments are larger than `MAX_ARGUMENTS_BYTES`."""


@dataclass(frozen=True)
class Options:
    """What may be said about a job beside its arguments; `JobsService.push_task` explains it."""

    queue: str | None = None
    priority: int | None = None
    countdown: float | None = None
    eta: datetime | None = None
    idempotency_key: str | None = None

    def starts_at(self) -> datetime | None:
        """Return the time before which the job does not start.

        Raises:
            BadArguments: It is farther away than the broker can hold a message.
        """
        now = datetime.now(UTC)
        eta = self.eta if self.countdown is None else now + timedelta(seconds=self.countdown)
        if eta and eta.astimezone(UTC) - now > timedelta(seconds=broker.LONGEST_DELAY):
            message = f"countdown, eta: a task can wait {broker.LONGEST_DELAY} seconds at most"
            raise BadArguments(message)
        return eta


def make_job(task_name: str, organization_id: str, arguments: dict[str, Any], options: Options) -> Job:
    """Check everything that can be wrong with a job before it is sent.

    Raises:
        UnknownTask, BadArguments, TooLarge: There is no such job.
    """
    task = registered(task_name)
    checked = to_json(task, arguments, organization_id)
    text = written(checked)
    if len(text) > settings.limits.MAX_ARGUMENTS_BYTES:
        message = f"the arguments take {len(text)} bytes, and {settings.limits.MAX_ARGUMENTS_BYTES} are allowed"
        raise TooLarge(message)
    if options.queue is not None and options.queue not in QUEUES:
        message = f"queue: {options.queue!r} is not one of {', '.join(QUEUES)}"
        raise BadArguments(message)
    if options.priority is not None and options.priority not in range(10):
        message = "priority: it is a number from 0 to 9"
        raise BadArguments(message)
    return Job(
        id=_id(task_name, organization_id, options.idempotency_key),
        task_name=task_name,
        organization_id=organization_id,
        request_id=context.request_id(),
        queue=options.queue or queue_of(task),
        arguments=checked,
        digest=digest_of(checked),
        priority=options.priority,
        eta=options.starts_at(),
        keyed=options.idempotency_key is not None,
    )


def _id(task_name: str, organization_id: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return str(uuid.uuid4())
    # As JSON, so that no part can pass for two.
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([organization_id, task_name, idempotency_key])))
