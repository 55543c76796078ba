"""Dead letters that the broker does not make by itself."""

from datetime import UTC, datetime
from typing import Any

from kombu import Message, Producer, Queue

from app.core.compression import unpacked
from app.core.context import OF_ONE_DELIVERY


def is_noted_well(message: Message) -> bool:
    """Tell whether what a message says of its earlier deaths is what a broker writes; to most it says nothing."""
    noted: Any = (message.headers or {}).get("x-death") or []
    types = {"queue": str, "reason": str, "count": int}
    return isinstance(noted, list) and all(
        isinstance(death, dict) and all(isinstance(death.get(name), kind) for name, kind in types.items())
        for death in noted
    )


def copy(message: Message, queue: Queue) -> None:
    """Copy a message, which is about to be rejected, to the dead-letter queue, and tell there why.

    Args:
        message: A message that was received and not acknowledged.
        queue: The dead-letter queue.
    """
    headers, body = unpacked(message)
    headers = {name: value for name, value in headers.items() if name not in OF_ONE_DELIVERY}
    properties = message.properties
    death = {
        "queue": (message.delivery_info or {}).get("routing_key"),
        "reason": "rejected",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        # Not as one of its own: dead letters stand in the order in which they came.
        "priority": properties.get("priority"),
    }
    channel: Any = message.channel
    Producer(channel).publish(
        body,
        headers={**headers, "x-death": [death]},
        # Without a type, kombu would write the body anew.
        content_type=message.content_type or "application/data",
        content_encoding=message.content_encoding or "binary",
        exchange=queue.exchange,
        routing_key=queue.routing_key,
        declare=[queue],
        correlation_id=properties.get("correlation_id"),
        reply_to=properties.get("reply_to"),
    )
