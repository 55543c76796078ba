"""Dead letters that the broker does not make by itself."""

from datetime import UTC, datetime
from typing import Any

from kombu import Message, Queue

from app.core import copies


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
    death = {
        "queue": (message.delivery_info or {}).get("routing_key"),
        "reason": "rejected",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        # Not as one of its own: dead letters stand in the order in which they came.
        "priority": message.properties.get("priority"),
    }
    copies.send(message, queue, {"x-death": [death]})
