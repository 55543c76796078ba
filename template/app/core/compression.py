"""What is unpacked: a few hundred kilobytes can hold gigabytes, so nothing is that this project does not send."""

import zlib
from typing import Any

from celery import Celery
from kombu import Message, compression

GZIP = "application/x-gzip"
LARGEST = 16 * 2**20  # bytes, unpacked


class NotUnpacked(ValueError):
    """A body that is packed in a way that nobody here uses, or holds too much."""


def install(app: Celery[Any]) -> None:
    """Refuse compressed messages in every process; `task_compression="gzip"` accepts gzip, up to `LARGEST` bytes."""

    def unpack(body: bytes) -> bytes:
        if app.conf.task_compression not in {"gzip", "zlib", GZIP}:
            refuse(body)
        unpacker = zlib.decompressobj()
        unpacked = unpacker.decompress(body, LARGEST)
        if not unpacker.eof:
            message = f"unpacked, it has more than {LARGEST} bytes"
            raise NotUnpacked(message)
        return unpacked

    def refuse(_: bytes) -> bytes:
        message = "it is compressed, and nothing here is sent like that"
        raise NotUnpacked(message)

    known: Any = compression
    for content_type in known.encoders():
        encoder, _ = known.get_encoder(content_type)
        known.register(encoder, unpack if content_type == GZIP else refuse, content_type)


def unpacked(message: Message) -> tuple[dict[str, Any], bytes]:
    """Return a message's headers and body as they can be sent again: kombu unpacks what is let in."""
    headers, body = dict(message.headers or {}), message.body or b""
    if not message.errors:
        headers.pop("compression", None)
    return headers, body if isinstance(body, bytes) else str(body).encode(errors="replace")
