"""Dead letters on a broker that makes none by itself."""

from datetime import UTC, datetime
from typing import Any

from kombu import Message, Producer, Queue


def copy(message: Message, queue: Queue) -> None:
    """Copy a message, which is about to be rejected, to the dead-letter queue, and tell there why.

    Args:
        message: A message that was received and not acknowledged.
        queue: The dead-letter queue.
    """
    came_from = (message.delivery_info or {}).get("routing_key")
    death = {"queue": came_from, "reason": "rejected", "time": datetime.now(UTC).isoformat(timespec="seconds")}
    channel: Any = message.channel
    Producer(channel).publish(
        message.body,
        headers={**(message.headers or {}), "x-death": [death]},
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        exchange=queue.exchange,
        routing_key=queue.routing_key,
        declare=[queue],
    )
