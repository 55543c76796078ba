"""What ends a worker on RabbitMQ, and the next one too: properties that py-amqp cannot read, and mailboxes in use."""

import logging
import uuid
from typing import Any

from amqp import serialization
from amqp.spec import Basic
from celery.app.control import Control
from kombu import Queue, pidbox

from app.core.config.settings import settings

logger = logging.getLogger(__name__)

# By the kind of message, of which there is one.
_READERS: dict[int, Any] = serialization.PROPERTY_CLASSES
_read = _READERS[Basic.CLASS_ID]


def _read_what_there_is(buffer: Any, offset: int) -> tuple[dict[str, Any], int]:
    """Return a message's properties; none when they are no text where there should be some, no time, or too deep."""
    try:
        found: tuple[dict[str, Any], int] = _read(buffer, offset)
        return found
    except Exception as error:
        # Whatever it is: the connection is not broken, and the body follows.
        logger.warning("a message has properties that nobody can read: %s: %s", type(error).__name__, error)
        return {}, len(buffer)


class Mailbox(pidbox.Mailbox):
    """Kombu's mailbox for remote control, whose queues have new names on each connection.

    They belong to one connection, and a broker that has not heard of its end holds them for it. Under the same name
    they would be refused to the next one, at which a worker ends. Nobody sends to them by name.
    """

    def get_queue(self, hostname: str) -> Queue:
        """Return a new queue for the commands to a worker."""
        return super().get_queue(f"{hostname}.{uuid.uuid4()}")

    def get_reply_queue(self) -> Queue:
        """Return a new queue for the answers to a command."""
        queue = super().get_reply_queue()
        queue.name = f"{uuid.uuid4()}.{queue.name}"
        return queue


def register() -> None:
    """Let py-amqp read on, and Celery use these mailboxes."""
    _READERS[Basic.CLASS_ID] = _read_what_there_is
    if not settings.celery.has_embedded_broker:
        Control.Mailbox = Mailbox
