"""Sending jobs through the database: recorded first, sent after the commit, and sent later if that went wrong."""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.core import transaction
from app.core.database import session
from app.core.services import unavailable
from app.jobs.chores import every
from app.jobs.job import Job
from app.jobs.models import JobRecord
from app.jobs.states import QUEUED, Record
from app.jobs.threads import SEND_LIMIT, in_a_thread

logger = logging.getLogger(__name__)

# Younger ones are left to the process that has just committed them.
GRACE = timedelta(seconds=10)


def push(job: Job) -> Record | None:
    """Record a job and send it: at once, or after the commit of the transaction that this code runs in.

    Returns:
        The record that has the job's id already, if there is one; then nothing is sent.

    Raises:
        RuntimeError: The transaction is an asynchronous one.
    """
    running = transaction.running()
    if running is None:
        return _push_alone(job)
    if isinstance(running.db, AsyncSession):
        message = "Inside `async_session()`, await `push_task_async`."
        raise RuntimeError(message)
    return _send_after(running, job, insert(running.db, job))


async def push_async(job: Job) -> Record | None:
    """Do the same without blocking the event loop."""
    running = transaction.running()
    if running is None:
        return await in_a_thread(partial(_push_alone, job), SEND_LIMIT)
    if isinstance(running.db, AsyncSession):
        return _send_after(running, job, await running.db.run_sync(insert, job))
    return _send_after(running, job, insert(running.db, job))


def _push_alone(job: Job) -> Record | None:
    with session() as db:
        known = insert(db, job)
    if known:
        return known
    try:
        job.publish()
    except BaseException:
        # The caller is told that nothing was sent, and may try again. With a key, somebody may have done so meanwhile
        # and been told of this record: then it is sent later.
        if not job.keyed:
            with session() as db:
                unsent = JobRecord.published_at.is_(None) & (JobRecord.status == QUEUED)
                db.execute(delete(JobRecord).where(JobRecord.id == job.id, unsent))
        raise
    with session() as db:
        sent: dict[str, Any] = {"published_at": datetime.now(UTC), "message": None}
        db.execute(update(JobRecord).where(JobRecord.id == job.id, JobRecord.published_at.is_(None)).values(**sent))
    return None


def _send_after(running: transaction.Transaction, job: Job, known: Record | None) -> Record | None:
    if known is None:
        running.after_commit.append(partial(_publish_one, job.id))
    return known


def _publish_one(task_id: str) -> None:
    publish_pending(task_id=task_id)


def insert(db: Session, job: Job) -> Record | None:
    """Add a record; return the one that has the same id, if there is one."""
    values = {
        "id": job.id,
        "organization_id": job.organization_id,
        "task_name": job.task_name,
        "queue": job.queue,
        "status": QUEUED,
        "digest": job.digest,
        "message": job.dump(),
        "created_at": datetime.now(UTC),
    }
    if not job.keyed:
        db.execute(insert_into(JobRecord), values)
        return None
    if earlier := db.get(JobRecord, job.id):
        return earlier.as_record()
    try:
        with db.begin_nested():
            db.execute(insert_into(JobRecord), values)
    except IntegrityError:
        # Somebody else has used the same idempotency key between the two statements.
        return db.get_one(JobRecord, job.id).as_record()
    return None


def publish_pending(*, task_id: str | None = None, older_than: timedelta = timedelta(0), limit: int = 100) -> int:
    """Send what was committed and not sent. A crash in between sends it again, under the same id.

    Args:
        task_id: One job; all of them when it is not given.
        older_than: The shortest time since the commit.
        limit: Jobs in one transaction.

    Returns:
        The number of jobs that were sent.

    Raises:
        Exception: One of `app.core.services.unavailable()`; what was sent before is noted.
    """
    waiting = select(JobRecord).where(
        JobRecord.published_at.is_(None),
        JobRecord.status == QUEUED,
        JobRecord.created_at <= datetime.now(UTC) - older_than,
    )
    if task_id:
        waiting = waiting.where(JobRecord.id == task_id)
    oldest_first = waiting.order_by(JobRecord.created_at).limit(limit).with_for_update(skip_locked=True)
    sent, down = 0, None
    with session() as db:
        for record in db.scalars(oldest_first).all():
            try:
                Job.load(record.message or "").publish()
            except unavailable() as error:
                down = error
                break
            except Exception:
                # One that cannot be sent, for this process knows no such task, say, stops none of the others.
                logger.exception("job %s stays in the outbox", record.id)
                continue
            record.published_at, record.message = datetime.now(UTC), None
            sent += 1
    if down:
        raise down
    return sent


@every(5)
def publish_what_was_left(_: Any) -> None:
    """Send the jobs of processes that were killed between their commit and the broker."""
    while publish_pending(older_than=GRACE) == 100:
        pass
