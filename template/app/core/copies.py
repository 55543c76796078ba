"""Copies of messages that were received, sent anew with other headers."""

from typing import Any

from kombu import Message, Producer, Queue

from app.core.compression import unpacked
from app.core.context import OF_ONE_DELIVERY


def send(message: Message, queue: Queue, headers: dict[str, Any], **options: Any) -> None:
    """Send a copy over the channel on which a message came.

    Args:
        message: A message that was received and not acknowledged.
        queue: Where the copy goes.
        headers: What it says besides; what the broker has noted about the message's delivery is left out.
        options: What else kombu takes for a message, as `priority`.
    """
    own, body = unpacked(message)
    kept = {name: value for name, value in own.items() if name not in OF_ONE_DELIVERY}
    properties = message.properties
    channel: Any = message.channel
    Producer(channel).publish(
        body,
        headers=kept | headers,
        # Without a type, kombu would write the body anew.
        content_type=message.content_type or "application/data",
        content_encoding=message.content_encoding or "binary",
        exchange=queue.exchange,
        routing_key=queue.routing_key,
        declare=[queue],
        correlation_id=properties.get("correlation_id"),
        reply_to=properties.get("reply_to"),
        **options,
    )
