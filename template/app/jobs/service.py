"""`JobsService`: sending tasks and asking after them, from an endpoint, a task or a script."""

import logging
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from celery import states

from app.core.celery import celery_app
from app.jobs import records
from app.jobs.job import Job
from app.jobs.making import Options, make_job
from app.jobs.schemas import TaskInfo, TaskStatus
from app.jobs.states import FINAL, UNKNOWN, Record, describe, error_in
from app.jobs.threads import in_a_thread, refuse_event_loop

logger = logging.getLogger(__name__)


class KeyReused(ValueError):
    """The idempotency key was used with other arguments."""


class JobsService:
    """Sends tasks on behalf of an organization, and tells that organization what became of them.

    Every method exists twice: as it is for code that may block, and with `_async` for `async def` code.
    """

    def push_task(
        self,
        task_name: str,
        organization_id: str | int,
        *,
        queue: str | None = None,
        priority: int | None = None,
        countdown: float | None = None,
        eta: datetime | None = None,
        idempotency_key: str | None = None,
        **kwargs: Any,
    ) -> TaskInfo:
        """Send a task; within `session()`, after the commit.

        Args:
            task_name: The name that the task is registered under.
            organization_id: Who it is done for. A task with a parameter of this name gets it.
            queue: A name in `app/core/queues.py`, in place of the one that the task's name leads to.
            priority: From 0 to 9; the higher, the sooner.
            countdown: Seconds before which it does not start.
            eta: The time before which it does not start.
            idempotency_key: A second call with the same one returns the task of the first.
            kwargs: The task's arguments.

        Returns:
            The task's id and what was decided about it.

        Raises:
            UnknownTask, BadArguments, TooLarge, KeyReused: Nothing was sent.
            RuntimeError: This is an event loop's thread; await `push_task_async`.
            Exception: One of `app.core.services.unavailable()`, when the broker or the store of records is down. After
                a timeout the task may have been sent all the same.
        """
        refuse_event_loop("push_task_async")
        options = Options(queue, priority, countdown, eta, idempotency_key)
        job = make_job(task_name, str(organization_id), kwargs, options)
        return _info(job, records.push(job))

    async def push_task_async(
        self,
        task_name: str,
        organization_id: str | int,
        *,
        queue: str | None = None,
        priority: int | None = None,
        countdown: float | None = None,
        eta: datetime | None = None,
        idempotency_key: str | None = None,
        **kwargs: Any,
    ) -> TaskInfo:
        """Do what `push_task` does; within `async_session()`, after the commit."""
        options = Options(queue, priority, countdown, eta, idempotency_key)
        return await self.push_arguments_async(task_name, organization_id, kwargs, options)

    async def push_arguments_async(
        self, task_name: str, organization_id: str | int, arguments: dict[str, Any], options: Options
    ) -> TaskInfo:
        """Do what `push_task` does, with arguments from outside: none of them can pass for an option."""
        job = make_job(task_name, str(organization_id), arguments, options)
        return _info(job, await records.push_async(job))

    def get_task_status(self, task_id: UUID | str, organization_id: str | int) -> TaskStatus:
        """Return what became of a task; `UNKNOWN` when the organization has none with this id."""
        refuse_event_loop("get_task_status_async")
        record = records.find(str(task_id), str(organization_id))
        if record is None:
            return TaskStatus(task_id=UUID(str(task_id)), status=UNKNOWN)
        status = describe(record, celery_app.backend.get_task_meta(record.task_id, cache=False))
        if status.status in FINAL and record.status != status.status:
            # The worker could not write the record, or is about to.
            try:
                overrule = status.status == states.SUCCESS
                records.finish(record.task_id, status.status, status.error, overrule=overrule)
            except Exception:
                logger.exception("the record of job %s is behind", record.task_id)
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
        record = records.find(str(task_id), str(organization_id))
        if record is None or record.status in FINAL:
            return None if record is None else False
        if self._has_ended(record):
            return False
        # First, so that a call that fails here can be repeated. What workers know dies with them; the record stays.
        celery_app.control.revoke(record.task_id, terminate=True)
        records.cancel(record.task_id, record.organization_id)
        # It may have just ended, or a worker was fast.
        self._has_ended(record)
        return self.get_task_status(record.task_id, record.organization_id).status == states.REVOKED

    def _has_ended(self, record: Record) -> bool:
        """Tell whether a job has a result, and let its record say the same."""
        meta = celery_app.backend.get_task_meta(record.task_id, cache=False)
        if meta["status"] not in FINAL:
            return False
        records.finish(record.task_id, meta["status"], error_in(meta), overrule=True)
        return True

    async def cancel_async(self, task_id: UUID | str, organization_id: str | int) -> bool | None:
        """Do what `cancel` does."""
        return await in_a_thread(partial(self.cancel, task_id, organization_id))


def _info(job: Job, known: Record | None) -> TaskInfo:
    if known and known.digest != job.digest:
        raise KeyReused("the idempotency key was used with other arguments")
    return TaskInfo(task_id=UUID(job.id), task_name=job.task_name, organization_id=job.organization_id, queue=job.queue)
