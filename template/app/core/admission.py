"""Which messages are let in: those of tasks, in the one form in which this project sends them.

Whatever else a message may hold, Celery would find out in some process, at some time, and not every time survive it.
"""

from typing import Any
from uuid import UUID

from kombu import Message

from app.core import signing
from app.core.compression import unpacked
from app.core.envelope import is_deep
from app.core.headers import TAKEN, Headers

# Bytes; a broker may take no more.
LARGEST = 16 * 2**20
# How deep arguments and workflows may be; they are copied, pickled and written again, a step for each level.
DEEPEST = 200

CALLS = frozenset({"callbacks", "errbacks", "chain"})
EMBEDDED = CALLS | {"chord"}


class Refused(Exception):
    """A message that is not let in.

    Attributes:
        reason: What a dead letter says of it.
        believed: Whether its headers are what they should be, and so tell which job this was.
    """

    def __init__(self, reason: str, *, believed: bool = False) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason = reason
        self.believed = believed


def check(message: Message) -> None:
    """Look at a message before anything of it is used.

    Raises:
        Refused: It is not let in.
    """
    headers, body = unpacked(message)
    believed = is_task(headers)
    if believed:
        try:
            signing.verify(headers, body)
        except signing.NotSigned as error:
            raise Refused(str(error)) from None
    if len(body) > LARGEST:
        raise Refused("is too large", believed=believed)
    # What kombu calls data is not decoded, and let through whatever else is accepted.
    if message.errors or message.content_type != "application/json":
        raise Refused("cannot be decoded", believed=believed)
    try:
        content = message.payload
    except Exception:
        # Whatever a decoder raises: this is what the letter is about.
        raise Refused("cannot be decoded", believed=believed) from None
    if not believed or not _is_call(content) or is_deep(content, body, DEEPEST):
        raise Refused("is no task", believed=believed)


def is_task(headers: dict[str, Any]) -> bool:
    """Tell whether headers are those of a task's message, each of them what Celery and this project take it for."""
    try:
        Headers.model_validate(headers)
        if headers.get("job"):
            UUID(headers["id"])
    except ValueError:
        return False
    return TAKEN.isdisjoint(headers)


def _is_call(content: Any) -> bool:
    if not (isinstance(content, list) and len(content) == 3):
        return False
    arguments, named, embedded = content
    if not (isinstance(arguments, list) and isinstance(named, dict)):
        return False
    embedded = {} if embedded is None else embedded
    return (
        isinstance(embedded, dict)
        and embedded.keys() <= EMBEDDED
        and all(isinstance(embedded.get(name) or [], list) for name in CALLS)
        and all(_is_signature(each) for name in CALLS for each in embedded.get(name) or [])
        and (embedded.get("chord") is None or _is_signature(embedded["chord"]))
    )


def _is_signature(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("task"), str)
