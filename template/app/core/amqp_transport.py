"""What RabbitMQ delivers and py-amqp cannot read: without this, the worker ends, and so does the next one."""

import logging
from typing import Any

from amqp import serialization
from amqp.spec import Basic

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


def register() -> None:
    """Let py-amqp read on."""
    _READERS[Basic.CLASS_ID] = _read_what_there_is
