"""Sending jobs through the database: recorded first, sent after the commit, and sent later if that went wrong."""

import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from celery import states
from sqlalchemy import insert as insert_into
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.core import transaction
from app.core.database import insert_unless_there, session
from app.core.services import SentLater, reach_broker, unavailable
from app.jobs.chores import every
from app.jobs.job import Job
from app.jobs.models import JobRecord
from app.jobs.states import QUEUED, Record
from app.jobs.threads import SEND_LIMIT, in_a_thread

logger = logging.getLogger(__name__)

# Younger ones are left to the process that has just committed them.
GRACE = timedelta(seconds=10)
# What cannot be sent is tried again after this time at the latest.
LONGEST_PAUSE = timedelta(minutes=10)
BATCH = 100  # jobs in one transaction
UNSENT = (JobRecord.published_at.is_(None), JobRecord.status == QUEUED)


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
    try:
        with session() as db:
            known = insert(db, job)
    except unavailable():
        if not job.keyed:
            # The answer to a commit may be what was lost.
            with suppress(Exception):
                _drop(job.id)
        raise
    if known:
        return known
    try:
        job.publish()
    except BaseException as error:
        # The caller is told that nothing was sent, and may try again.
        if not job.keyed:
            _drop(job.id)
        # With a key, somebody may have done so meanwhile and been told of this record.
        elif isinstance(error, unavailable()):
            message = "The broker is unavailable. The task is kept, and sent when the broker is back."
            raise SentLater(message) from error
        raise
    try:
        with session() as db:
            sent: dict[str, Any] = {"published_at": datetime.now(UTC), "message": None}
            db.execute(update(JobRecord).where(JobRecord.id == job.id, JobRecord.published_at.is_(None)).values(**sent))
    except unavailable() as error:
        # The broker has it. It is sent once more, and one of the two begins.
        logger.warning("the record of job %s is behind: %s: %s", job.id, type(error).__name__, error)
    return None


def _drop(task_id: str) -> None:
    """Let a job that was not sent never run: the broker may have its message all the same."""
    dropped: dict[str, Any] = {"status": states.REVOKED, "ended_at": datetime.now(UTC), "message": None}
    with session() as db:
        db.execute(update(JobRecord).where(JobRecord.id == task_id, *UNSENT).values(**dropped))


def _send_after(running: transaction.Transaction, job: Job, known: Record | None) -> Record | None:
    if known is None:
        running.after_commit.append(partial(_publish_one, job.id))
    return known


def _publish_one(task_id: str) -> None:
    publish_pending(task_id=task_id)


def insert(db: Session, job: Job) -> Record | None:
    """Add a record; return the one that has the same id, if there is one."""
    now = datetime.now(UTC)
    values = {
        "id": job.id,
        "organization_id": job.organization_id,
        "task_name": job.task_name,
        "queue": job.queue,
        "status": QUEUED,
        "digest": job.digest,
        "message": job.dump(),
        "eta": job.eta,
        "created_at": now,
    }
    if not job.keyed:
        db.execute(insert_into(JobRecord), values)
        return None
    # Not an insertion that may fail within a savepoint: a database that resolves a deadlock may end all savepoints.
    db.execute(insert_unless_there(JobRecord), values)
    record = db.get_one(JobRecord, job.id, populate_existing=True)
    # Two of the same microsecond both send it, and one of the two begins.
    return None if record.created_at == now else record.as_record()


def publish_pending(*, task_id: str | None = None, older_than: timedelta = timedelta(0), limit: int = BATCH) -> int:
    """Send what was committed and not sent. A crash in between sends it again, under the same id.

    What cannot be sent makes room for what comes after it, and is tried again after as long as it has waited so far.

    Args:
        task_id: One job; all of them when it is not given.
        older_than: The shortest time since the commit.
        limit: Jobs in one transaction.

    Returns:
        The number of jobs that were looked at.

    Raises:
        Exception: One of `app.core.services.unavailable()`; what was sent before is noted.
    """
    now = datetime.now(UTC)
    # What lies too far ahead was noted by a clock that is.
    old = or_(JobRecord.created_at <= now - older_than, JobRecord.created_at > now + GRACE)
    is_its_turn = or_(JobRecord.retry_at.is_(None), JobRecord.retry_at <= now, JobRecord.retry_at > now + LONGEST_PAUSE)
    waiting = select(JobRecord).where(*UNSENT, old, is_its_turn)
    if task_id:
        waiting = waiting.where(JobRecord.id == task_id)
    oldest_first = waiting.order_by(JobRecord.created_at).limit(limit).with_for_update(skip_locked=True)
    down = None
    with session() as db:
        records = db.scalars(oldest_first).all()
        for record in records:
            try:
                Job.load(record.message or "").publish()
            except Exception as error:
                if isinstance(error, unavailable()) and not _broker_answers():
                    down = error
                    break
                # This process knows no such task, say: it is older or newer than the one that has sent the job.
                pause = min(max(now - record.created_at, GRACE), LONGEST_PAUSE)
                record.retry_at = now + pause
                reason = f"{type(error).__name__}: {error}"
                logger.error("job %s stays in the outbox for %d s: %s", record.id, pause.total_seconds(), reason)
            else:
                record.published_at, record.message = datetime.now(UTC), None
    if down:
        raise down
    return len(records)


def _broker_answers() -> bool:
    """Tell whether the broker is there, and it is this one message that it does not take."""
    try:
        reach_broker()
    except Exception:
        return False
    return True


@every(5)
def publish_what_was_left(_: Any) -> float | None:
    """Send the jobs of processes that were killed between their commit and the broker.

    Returns:
        When there are more of them, the seconds after which it goes on: half of the time is left to the worker's tasks.
    """
    started = time.monotonic()
    return time.monotonic() - started if publish_pending(older_than=GRACE) == BATCH else None
