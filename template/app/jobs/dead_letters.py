"""Messages that could not be processed: they wait in the dead-letter queue until somebody replays or purges them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Message
from kombu.transport import virtual

from app.core import broker
from app.core.celery import celery_app
from app.core.context import OF_ONE_DELIVERY
from app.jobs import records
from app.jobs.death import HISTORY, DeadLetter, DeadLetterContent, describe, id_of
from app.jobs.job import Job


class NoSuchDeadLetter(LookupError):
    """The dead-letter queue holds no message with this id."""


def list_dead_letters(limit: int = 100) -> list[DeadLetter]:
    """Return the oldest messages of the dead-letter queue; they stay there."""
    with _messages() as messages:
        return [describe(message) for message, _ in zip(messages, range(limit), strict=False)]


def show(letter_id: str) -> DeadLetterContent:
    """Return one message with its content.

    Raises:
        NoSuchDeadLetter: There is none.
    """
    with _messages() as messages:
        message = _find(messages, letter_id)
        body = message.body
        text = body.decode(errors="backslashreplace") if isinstance(body, bytes) else str(body)
        return DeadLetterContent(**describe(message).model_dump(), body=text)


def replay(letter_id: str) -> DeadLetter:
    """Send a message again to the queue that it came from, under its own id and with its history.

    Raises:
        NoSuchDeadLetter: There is none.
    """
    with _messages() as messages:
        message = _find(messages, letter_id)
        letter = describe(message)
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
            # What is given back is delivered first, in this order; kombu's own queues put each on top of the others.
            on_top = isinstance(connection.default_channel, virtual.Channel)
            for message in reversed(taken) if on_top else taken:
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
        if id_of(message) == letter_id:
            return message
    raise NoSuchDeadLetter(letter_id)


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
