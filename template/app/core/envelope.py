"""The envelope that kombu puts a message into where the broker itself has none."""

import base64
import binascii
import uuid
from typing import Annotated, Any, Literal

from kombu.utils.json import dumps, loads
from pydantic import BaseModel, ConfigDict, Field

# How deep headers may be: what reads them, copies them or writes them again goes down a step for each.
DEEPEST = 32


class _Delivery(BaseModel):
    model_config = ConfigDict(strict=True)

    exchange: str
    routing_key: str


class _Properties(BaseModel):
    model_config = ConfigDict(strict=True)

    body_encoding: Literal["base64", "utf-8"] | None = None
    delivery_tag: Annotated[str, Field(min_length=1)]
    delivery_info: _Delivery
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None


class _Envelope(BaseModel):
    """What kombu takes for granted, in whatever process that happens."""

    model_config = ConfigDict(strict=True)

    body: str
    headers: dict[str, Any]
    content_type: str | None = Field(alias="content-type")
    content_encoding: str | None = Field(alias="content-encoding")
    properties: _Properties


def is_one(item: bytes) -> bool:
    """Tell whether kombu can make a message of what lies in a queue."""
    try:
        found: Any = loads(item)
        message = _Envelope.model_validate(found)
        if message.properties.body_encoding == "base64":
            binascii.a2b_base64(message.body)
        return not is_deep(found, item, DEEPEST)
    except Exception:
        # Whatever reading it raises, a recursion too deep among others, would be raised again where it ends a process.
        return False


def is_noted(item: bytes) -> bool:
    """Tell whether kombu can give back what its book of the messages that are handed out holds."""
    try:
        message, exchange, routing_key = loads(item)
        return isinstance(exchange, str) and isinstance(routing_key, str) and is_one(dumps(message).encode())
    except Exception:
        return False


def noted_queue(item: bytes | None) -> str:
    """Return the queue that what kombu's book holds goes back to, or nothing if it does not say."""
    try:
        return str(loads(item or b"")[2])
    except Exception:
        return ""


def is_deep(value: Any, text: bytes, deepest: int) -> bool:
    """Tell whether something is nested deeper than a message has a reason to be.

    Args:
        value: The thing.
        text: The same as JSON, which tells at little cost when there is nothing to look for.
        deepest: The number of levels that it may have.
    """
    if text.count(b"[") + text.count(b"{") <= deepest:
        return False
    level = [value]
    for _ in range(deepest):
        level = [
            child
            for each in level
            if isinstance(each, dict | list | tuple)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def around(item: bytes, queue: str) -> bytes:
    """Put what is not a message into an envelope of its own, with which it can be set aside.

    Args:
        item: What lay in the queue.
        queue: The queue's name on the broker.
    """
    return dumps(
        {
            "body": base64.b64encode(item).decode(),
            "content-type": "application/octet-stream",
            "content-encoding": "binary",
            "headers": {},
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
                "delivery_info": {"exchange": "", "routing_key": queue},
            },
        }
    ).encode()


def opened(item: bytes, queue: str) -> dict[str, Any]:
    """Return what kombu makes a message of, whatever it is that lay in a queue."""
    message: dict[str, Any] = loads(item if is_one(item) else around(item, queue))
    # Where it goes when it is put back, which is not for the message to say.
    message["properties"]["delivery_info"] |= {"exchange": "", "routing_key": queue}
    return message
