"""Signatures of messages: with a key, workers act on what this project's processes have sent, and on nothing else."""

import hashlib
import hmac
import json
from typing import Any

from celery.signals import before_task_publish
from kombu.serialization import dumps

import app.core.context  # noqa: F401  (its headers are signed too, so it has to be told first that a message is sent)
from app.core.config.celery import UNSIGNED
from app.core.config.settings import settings
from app.core.headers import NAMES

__all__ = ["HEADER", "NotSigned", "install", "sign", "verify"]

HEADER = "signature"

_KEYS = tuple(key.encode() for key in settings.celery.CELERY_SIGNING_KEY if key != UNSIGNED)
_UNSIGNED_TOO = UNSIGNED in settings.celery.CELERY_SIGNING_KEY


class NotSigned(Exception):
    """A message that no process with one of the keys has sent, or that somebody has changed since."""


def install() -> None:
    """Sign what this process sends, if there is a key."""
    if _KEYS:
        before_task_publish.connect(_sign_what_is_sent)


def sign(headers: dict[str, Any], body: bytes) -> None:
    """Add the signature to a message's headers, in place of one that they have from the message before."""
    if _KEYS:
        headers[HEADER] = _signature(_KEYS[0], headers, body)


def verify(headers: dict[str, Any], body: bytes) -> None:
    """See that a message is as one of this project's processes has sent it; without a key, everything is.

    Raises:
        NotSigned: It is not.
    """
    if not _KEYS:
        return
    signature = headers.get(HEADER)
    if signature is None and _UNSIGNED_TOO:
        return
    if not isinstance(signature, str) or not signature.isascii():
        raise NotSigned("is not signed")
    if not any(hmac.compare_digest(signature, _signature(key, headers, body)) for key in _KEYS):
        raise NotSigned("has a signature that does not match")


def _signature(key: bytes, headers: dict[str, Any], body: bytes) -> str:
    # As JSON, so that no part can pass for two, and with the project's name, so that a key which somebody uses for two
    # projects does not let the one act in the other.
    said = [f"{settings.app.SLUG}: a task's message", [headers.get(name) for name in NAMES]]
    text = json.dumps([*said, hashlib.sha256(body).hexdigest()], sort_keys=True, default=str)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _sign_what_is_sent(headers: dict[str, Any], body: Any, **_: Any) -> None:
    # The same serializer as kombu will use, for the worker sees the bytes.
    _type, _encoding, text = dumps(body, serializer=settings.celery.CELERY_TASK_SERIALIZER)
    sign(headers, text if isinstance(text, bytes) else text.encode())
