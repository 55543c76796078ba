"""Messages that could not be processed: they wait in the dead-letter queue until somebody replays or purges them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from celery import states
from kombu import Message

from app.core import admission, broker, services, signing
from app.core.browse import browse, hold
from app.core.celery import celery_app
from app.core.compression import unpacked
from app.core.context import OF_ONE_DELIVERY
from app.jobs import records
from app.jobs.death import (
    DELIVERED_TOO_OFTEN,
    HISTORY,
    LONGEST_HISTORY,
    DeadLetter,
    DeadLetterContent,
    content,
    death_in,
    describe,
    id_of,
)
from app.jobs.job import Job, digest_of
from app.jobs.states import FINAL, QUEUED
from app.jobs.states import describe as describe_job
from app.jobs.tracking import patiently

# Seconds to wait for a service: before anything has changed, and until all is as it was again.
PATIENCE = 2.0
PATIENCE_TO_RESTORE = 10.0


class NoSuchDeadLetter(LookupError):
    """The dead-letter queue holds no message with this id."""


class CannotReplay(ValueError):
    """The message stays where it is; the text says why."""


def list_dead_letters(limit: int = 100) -> list[DeadLetter]:
    """Return the oldest messages of the dead-letter queue; they stay there."""
    with _messages() as messages:
        return [describe(message) for _, message in zip(range(limit), messages, strict=False)]


def show(letter_id: str) -> DeadLetterContent:
    """Return one message with its content.

    Raises:
        NoSuchDeadLetter: There is none.
    """
    with _messages() as messages:
        for message in messages:
            if id_of(message) == letter_id:
                return content(message)
    raise NoSuchDeadLetter(letter_id)


def replay(letter_id: str) -> DeadLetter:
    """Send a message again to the queue that it came from, under its own id and with its history.

    Raises:
        NoSuchDeadLetter: There is none.
        CannotReplay: Its job runs, has ended well or was cancelled, or it is not signed.
    """
    with _held(letter_id) as message:
        letter = describe(message)
        headers, body = unpacked(message)
        try:
            # Signed anew below, what somebody has smuggled in would be believed.
            signing.verify(headers, body)
        except signing.NotSigned as error:
            text = f"It {error}, so that nobody can tell who has sent it."
            raise CannotReplay(text) from None
        job, failed = _job(message, letter), [letter.id, *_after(message)]
        with _reopened(job, letter, failed) if job else _forgotten(failed):
            _send(message, letter)
        message.ack()
        return letter


def purge(letter_id: str | None = None) -> int:
    """Delete one message, or all of them; return how many there were.

    Raises:
        NoSuchDeadLetter: There is none with this id.
    """
    if not letter_id:
        with services.connection() as connection:
            queue = broker.DEAD_LETTER_QUEUE(connection.default_channel)
            queue.declare()
            return queue.purge() or 0
    with _held(letter_id) as message:
        message.ack()
        return 1


@contextmanager
def _messages() -> Iterator[Iterator[Message]]:
    with services.connection() as connection, browse(connection, broker.DEAD_LETTER_QUEUE) as messages:
        yield messages


@contextmanager
def _held(letter_id: str) -> Iterator[Message]:
    """Find a message, and keep it from everybody else; it stays in the queue unless it is acknowledged."""
    with _messages() as messages:
        for message in messages:
            if id_of(message) == letter_id and hold(message):
                yield message
                return
    raise NoSuchDeadLetter(letter_id)


@contextmanager
def _reopened(job: Job, letter: DeadLetter, failed: list[str]) -> Iterator[None]:
    """Let a job that has failed run again; if its message cannot be sent, it has failed as before."""
    meta = celery_app.backend.get_task_meta(job.id, cache=False)
    record = records.find(job.id, job.organization_id)
    status = describe_job(record, meta).status if record else QUEUED
    if status in {states.SUCCESS, states.REVOKED}:
        text = f"The job {job.id} is {status}: it does not run again. Purge the letter."
        raise CannotReplay(text)
    # A message that was delivered too often may have begun each time, and runs no more.
    if status not in {*FINAL, QUEUED} and letter.death.reason != DELIVERED_TOO_OFTEN:
        text = f"The job {job.id} is {status}: it may be running. Look again when it has ended."
        raise CannotReplay(text)
    # Again when the answer is lost: what is written says that the job waits, and its message is still here.
    if not patiently(partial(records.reopen, job), PATIENCE):
        text = f"The job {job.id} is another organization's, or has changed in this moment. Look at it again."
        raise CannotReplay(text)
    try:
        with _forgotten(failed):
            yield
    except BaseException:
        # As the worker saw it: not every exception survives the result backend.
        error = (record.error if record else None) or letter.death.error
        patiently(partial(records.finish, job.id, states.FAILURE, error), PATIENCE_TO_RESTORE)
        raise


@contextmanager
def _forgotten(task_ids: list[str]) -> Iterator[None]:
    """Forget how tasks have ended, for they run again; if the message cannot be sent, they have ended as before."""
    metas = {task_id: celery_app.backend.get_task_meta(task_id, cache=False) for task_id in task_ids}
    try:
        for task_id in metas:
            celery_app.backend.forget(task_id)
        yield
    except BaseException:
        for task_id, meta in metas.items():
            if meta["status"] in FINAL:
                traceback = meta.get("traceback")
                end = (task_id, meta["result"], meta["status"])
                restore = partial(celery_app.backend.store_result, *end, traceback=traceback)
                patiently(restore, PATIENCE_TO_RESTORE)
        raise


def _after(message: Message) -> list[str]:
    """Return the tasks that follow a message's own in its chain: they have failed with it."""
    try:
        _, _, embedded = message.payload
        return [str(step["options"]["task_id"]) for step in embedded["chain"] or []]
    except Exception:
        # Nobody can read it: it will be a dead letter again.
        return []


def _send(message: Message, letter: DeadLetter) -> None:
    queue = celery_app.amqp.queues[letter.queue]
    headers, body = unpacked(message)
    priority: Any = death_in(headers).get("priority", message.properties.get("priority"))
    if priority not in range(10):
        priority = celery_app.conf.task_default_priority
    history = [earlier.model_dump(mode="json") for earlier in (*letter.history, letter.death)][-LONGEST_HISTORY:]
    headers = {name: value for name, value in headers.items() if name not in OF_ONE_DELIVERY}
    # Now, and not when it was to run: somebody asks for it.
    headers |= {"retries": 0, "eta": None, HISTORY: history}
    if _is_over(headers.get("expires")):
        headers["expires"] = None
    signing.sign(headers, body)
    with celery_app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            body,
            headers=headers,
            content_type=message.content_type or "application/data",
            content_encoding=message.content_encoding or "binary",
            priority=priority,
            correlation_id=message.properties.get("correlation_id"),
            exchange=queue.exchange,
            routing_key=queue.routing_key,
            declare=[queue],
        )


def _is_over(expires: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(expires).astimezone(UTC) < datetime.now(UTC))
    except (TypeError, ValueError, OverflowError):
        return False


def _job(message: Message, letter: DeadLetter) -> Job | None:
    """Return the job that a message belongs to."""
    headers, _ = unpacked(message)
    if not (admission.is_task(headers) and headers.get("job") and letter.task_name and letter.organization_id):
        return None
    try:
        _, arguments, _ = message.payload
        digest = digest_of(arguments)
    except Exception:
        # Nobody can read it: it will be a dead letter again.
        digest = ""
    return Job(
        id=letter.id,
        task_name=letter.task_name,
        organization_id=letter.organization_id,
        request_id=headers.get("request_id"),
        queue=letter.queue,
        arguments={},
        digest=digest,
    )
