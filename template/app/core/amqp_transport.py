"""What ends a worker on RabbitMQ, and the next one too: properties that py-amqp cannot read, and mailboxes in use."""

import logging
import uuid
from ssl import CERT_NONE
from typing import Any

from amqp import serialization
from amqp.spec import Basic
from celery.app.control import Control
from kombu import Queue, pidbox
from kombu.transport import TRANSPORT_ALIASES, pyamqp

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


class TLSTransport(pyamqp.SSLTransport):
    """The transport behind `amqps://`, which checks certificates as the words in the address say."""

    def __init__(self, client: Any, **options: Any) -> None:
        """Translate the words; py-amqp calls them otherwise."""
        super().__init__(client, **options)
        words = client.ssl if isinstance(client.ssl, dict) else {}
        given = {name.removeprefix("ssl_"): value for name, value in words.items()}
        checks = given.pop("check_hostname", "true") != "false" and given.get("cert_reqs") != CERT_NONE
        client.ssl = {**given, "server_hostname": client.hostname} if checks else given


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
    """Let py-amqp read on, kombu use this transport, and Celery these mailboxes."""
    _READERS[Basic.CLASS_ID] = _read_what_there_is
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:TLSTransport"
    if not settings.celery.has_embedded_broker:
        Control.Mailbox = Mailbox
