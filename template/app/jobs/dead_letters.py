"""Messages that could not be processed: they wait in the dead-letter queue until somebody replays or purges them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kombu import Message
from pydantic import BaseModel

from app.core import broker
from app.core.celery import celery_app
from app.core.context import OF_ONE_DELIVERY
from app.core.queues import DEFAULT
from app.jobs import records
from app.jobs.job import Job
from app.jobs.schemas import TaskError
from app.jobs.states import error_in

HISTORY = "dead_letters"


class Death(BaseModel):
    """One time that a message could not be processed."""

    reason: str
    error: TaskError | None = None
    died_at: str | None = None


class DeadLetter(BaseModel):
    """One message in the dead-letter queue.

    Attributes:
        id: The task's id; for a message that has none, a digest of its body.
        history: What happened before it was replayed, oldest first.
    """

    id: str
    task_name: str | None
    organization_id: str | None
    queue: str
    death: Death
    history: list[Death]


class DeadLetterContent(DeadLetter):
    """One message with its body, as far as it is text."""

    body: str


class NoSuchDeadLetter(LookupError):
    """The dead-letter queue holds no message with this id."""


def list_dead_letters(limit: int = 100) -> list[DeadLetter]:
    """Return the oldest messages of the dead-letter queue; they stay there."""
    with _messages() as messages:
        return [_describe(message) for message, _ in zip(messages, range(limit), strict=False)]


def show(letter_id: str) -> DeadLetterContent:
    """Return one message with its content.

    Raises:
        NoSuchDeadLetter: There is none.
    """
    with _messages() as messages:
        message = _find(messages, letter_id)
        body = message.body
        text = body.decode(errors="backslashreplace") if isinstance(body, bytes) else str(body)
        return DeadLetterContent(**_describe(message).model_dump(), body=text)


def replay(letter_id: str) -> DeadLetter:
    """Send a message again to the queue that it came from, under its own id and with its history.

    Raises:
        NoSuchDeadLetter: There is none.
    """
    with _messages() as messages:
        message = _find(messages, letter_id)
        letter = _describe(message)
        history = [death.model_dump(mode="json") for death in (*letter.history, letter.death)]
        if job := _job(message, letter):
            celery_app.backend.forget(letter.id)
            records.reopen(job)
        _send(message, letter.queue, {**(message.headers or {}), "retries": 0, HISTORY: history})
        message.ack()
        return letter


def purge(letter_id: str | None = None) -> int:
    """Delete one message, or all of them; return how many there were.

    Raises:
        NoSuchDeadLetter: There is none with this id.
    """
    with _messages() as messages:
        found = [_find(messages, letter_id)] if letter_id else list(messages)
        for message in found:
            message.ack()
        return len(found)


@contextmanager
def _messages() -> Iterator[Iterator[Message]]:
    """Take messages from the queue, and put back on leaving those that were not acknowledged."""
    taken: list[Message] = []

    def take() -> Iterator[Message]:
        while message := queue.get(no_ack=False, accept=["json"]):
            taken.append(message)
            yield message

    with celery_app.connection_for_write() as connection:
        queue = broker.DEAD_LETTER_QUEUE(connection.default_channel)
        queue.declare()
        try:
            yield take()
        finally:
            for message in reversed(taken):
                if not message.acknowledged:
                    message.requeue()


def _send(message: Message, queue_name: str, headers: dict[str, Any]) -> None:
    queue = celery_app.amqp.queues[queue_name]
    with celery_app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            message.body,
            headers={name: value for name, value in headers.items() if name not in OF_ONE_DELIVERY},
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            correlation_id=message.properties.get("correlation_id"),
            exchange=queue.exchange,
            routing_key=queue.routing_key,
            declare=[queue],
        )


def _find(messages: Iterator[Message], letter_id: str) -> Message:
    for message in messages:
        if _id(message) == letter_id:
            return message
    raise NoSuchDeadLetter(letter_id)


def _id(message: Message) -> str:
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return str((message.headers or {}).get("id") or hashlib.sha256(body).hexdigest()[:32])


def _describe(message: Message) -> DeadLetter:
    headers: dict[str, Any] = dict(message.headers or {})
    deaths = [death for death in headers.get("x-death") or [] if death.get("reason") != "expired"]
    death = deaths[0] if deaths else {}
    name = headers.get("task")
    came_from = {queue.name: queue.alias for queue in broker.QUEUES}
    died_at = death.get("time")
    return DeadLetter(
        id=_id(message),
        task_name=name,
        organization_id=headers.get("organization_id"),
        queue=came_from.get(str(death.get("queue")), DEFAULT),
        death=Death(
            reason=_reason(message, name, death),
            error=_error(_id(message)) if name else None,
            died_at=died_at.astimezone(UTC).isoformat() if isinstance(died_at, datetime) else died_at,
        ),
        history=[Death.model_validate(earlier) for earlier in headers.get(HISTORY) or []],
    )


def _reason(message: Message, name: str | None, death: dict[str, Any]) -> str:
    if death.get("reason") == "delivery_limit":
        return "delivered too often without an acknowledgement"
    try:
        message.decode()
    except Exception:
        # Whatever a decoder raises: this is what the letter is about.
        return "cannot be decoded"
    if name is None:
        return "is no task"
    return "failed" if name in celery_app.tasks else "unknown task"


def _error(task_id: str) -> TaskError | None:
    return error_in(celery_app.backend.get_task_meta(task_id, cache=False))


def _job(message: Message, letter: DeadLetter) -> Job | None:
    """Return the job that a message belongs to."""
    if not message.headers.get("job") or letter.task_name is None or letter.organization_id is None:
        return None
    return Job(
        id=letter.id,
        task_name=letter.task_name,
        organization_id=letter.organization_id,
        request_id=message.headers.get("request_id"),
        queue=letter.queue,
        arguments={},
        digest="",
    )
