"""`JobsService`: sending tasks and asking after them, from an endpoint, a task or a script."""

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID

from celery import Task

from app.core import broker, context
from app.core.celery import celery_app
from app.core.config.settings import settings
from app.core.queues import QUEUES
from app.jobs import records
from app.jobs.arguments import BadArguments, to_json
from app.jobs.job import Job
from app.jobs.routing import queue_of
from app.jobs.schemas import TaskInfo, TaskStatus
from app.jobs.states import FINAL, UNKNOWN, Record, describe
from app.jobs.threads import in_a_thread, refuse_event_loop


class UnknownTask(LookupError):
    """No task is registered under this name."""


class TooLarge(ValueError):
    """The arguments are larger than `MAX_ARGUMENTS_BYTES`."""


class KeyReused(ValueError):
    """The idempotency key was used with other arguments."""


class JobsService:
    """Sends tasks on behalf of an organization, and tells that organization what became of them.

    Every method exists twice: as it is for code that may block, and with `_async` for `async def` code.
    """

    def push_task(self, task_name: str, organization_id: str | int, **options: Any) -> TaskInfo:
        """Send a task; within `session()`, after the commit.

        Args:
            task_name: The name that the task is registered under.
            organization_id: Who it is done for. A task with a parameter of this name gets it.
            options: `queue`, a name in `app/core/queues.py` in place of the one that the task's name leads to;
                `priority`, from 0 to 9, the higher the sooner; `countdown`, seconds, or `eta`, a time, before which it
                does not start; `idempotency_key`, with which a second call returns the task of the first;
                everything else: the task's arguments.

        Returns:
            The task's id and what was decided about it.

        Raises:
            UnknownTask, BadArguments, TooLarge, KeyReused: Nothing was sent.
            RuntimeError: This is an event loop's thread; await `push_task_async`.
            Exception: One of `app.core.services.unavailable()`, when the broker or the store of records is down. After
                a timeout the task may have been sent all the same.
        """
        refuse_event_loop("push_task_async")
        job = _job(task_name, str(organization_id), **options)
        return _info(job, records.push(job))

    async def push_task_async(self, task_name: str, organization_id: str | int, **options: Any) -> TaskInfo:
        """Do what `push_task` does; within `async_session()`, after the commit."""
        job = _job(task_name, str(organization_id), **options)
        return _info(job, await records.push_async(job))

    def get_task_status(self, task_id: UUID | str, organization_id: str | int) -> TaskStatus:
        """Return what became of a task; `UNKNOWN` when the organization has none with this id."""
        refuse_event_loop("get_task_status_async")
        record = records.find(str(task_id), str(organization_id))
        if record is None:
            return TaskStatus(task_id=UUID(str(task_id)), status=UNKNOWN)
        status = describe(record, celery_app.backend.get_task_meta(record.task_id, cache=False))
        if status.status in FINAL and record.status not in FINAL:
            # The worker could not write the record, or is about to.
            records.finish(record.task_id, status.status, status.error)
        return status

    async def get_task_status_async(self, task_id: UUID | str, organization_id: str | int) -> TaskStatus:
        """Do what `get_task_status` does."""
        return await in_a_thread(partial(self.get_task_status, task_id, organization_id))

    def cancel(self, task_id: UUID | str, organization_id: str | int) -> bool | None:
        """Cancel a task: a waiting one never starts, the process of a running one is stopped.

        Returns:
            Whether it had not ended yet; nothing when the organization has no task with this id.
        """
        refuse_event_loop("cancel_async")
        cancelled = records.cancel(str(task_id), str(organization_id))
        if cancelled:
            celery_app.control.revoke(str(task_id), terminate=True)
        return cancelled

    async def cancel_async(self, task_id: UUID | str, organization_id: str | int) -> bool | None:
        """Do what `cancel` does."""
        return await in_a_thread(partial(self.cancel, task_id, organization_id))


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


def _job(
    task_name: str,
    organization_id: str,
    *,
    queue: str | None = None,
    priority: int | None = None,
    countdown: float | None = None,
    eta: datetime | None = None,
    idempotency_key: str | None = None,
    **arguments: Any,
) -> Job:
    task = registered(task_name)
    checked = to_json(task, arguments, organization_id)
    text = json.dumps(checked, sort_keys=True)
    if len(text) > settings.limits.MAX_ARGUMENTS_BYTES:
        raise TooLarge(f"the arguments take {len(text)} bytes of {settings.limits.MAX_ARGUMENTS_BYTES}")
    if queue is not None and queue not in QUEUES:
        raise BadArguments(f"queue: {queue!r} is not one of {', '.join(QUEUES)}")
    if priority is not None and priority not in range(10):
        raise BadArguments("priority: it is a number from 0 to 9")
    if countdown is not None:
        eta = datetime.now(UTC) + timedelta(seconds=countdown)
    if eta and eta.astimezone(UTC) - datetime.now(UTC) > timedelta(seconds=broker.LONGEST_DELAY):
        raise BadArguments(f"countdown, eta: a task can wait {broker.LONGEST_DELAY} seconds at most")
    key = f"{organization_id}\n{task_name}\n{idempotency_key}"
    return Job(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, key) if idempotency_key else uuid.uuid4()),
        task_name=task_name,
        organization_id=organization_id,
        request_id=context.request_id(),
        queue=queue or queue_of(task),
        arguments=checked,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        priority=priority,
        eta=eta,
        keyed=idempotency_key is not None,
    )


def _info(job: Job, known: Record | None) -> TaskInfo:
    if known and known.digest != job.digest:
        raise KeyReused("the idempotency key was used with other arguments")
    return TaskInfo(task_id=UUID(job.id), task_name=job.task_name, organization_id=job.organization_id, queue=job.queue)
