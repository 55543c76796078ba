"""What is known of a message that could not be processed."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from kombu import Message
from pydantic import BaseModel, ValidationError

from app.core import admission, broker
from app.core.admission import Refused
from app.core.celery import celery_app
from app.core.compression import unpacked
from app.core.queues import DEFAULT
from app.core.services import unavailable
from app.jobs.schemas import TaskError
from app.jobs.states import error_in

HISTORY = "dead_letters"

# What an id can be that others are to type, and that is part of an address.
ID = re.compile(r"[A-Za-z0-9._:@=+-]{1,155}")
LONGEST_TEXT = 255
LONGEST_HISTORY = 20
BODY_SHOWN = 64 * 2**10  # bytes

DELIVERED_TOO_OFTEN = "delivered too often without an acknowledgement"


class Death(BaseModel):
    """One time that a message could not be processed."""

    reason: str
    error: TaskError | None = None
    died_at: str | None = None


class DeadLetter(BaseModel):
    """One message in the dead-letter queue.

    Attributes:
        id: The task's id; for a message that has none, a digest of its body.
        history: What happened before it was replayed, oldest first.
    """

    id: str
    task_name: str | None
    organization_id: str | None
    queue: str
    death: Death
    history: list[Death]


class DeadLetterContent(DeadLetter):
    """One message with its body, as far as it is text.

    Attributes:
        body: Its beginning; all of it unless it is long.
        body_bytes: How long it is.
    """

    body: str
    body_bytes: int


def id_of(message: Message) -> str:
    """Return the id under which a dead letter can be asked for."""
    headers, body = unpacked(message)
    own = headers.get("id")
    return own if isinstance(own, str) and ID.fullmatch(own) else hashlib.sha256(body).hexdigest()[:32]


def describe(message: Message) -> DeadLetter:
    """Return what a message says about itself and its end, as far as it says something."""
    headers, _ = unpacked(message)
    death = death_in(headers)
    reason = _reason(message, death)
    came_from = {queue.name: queue.alias for queue in broker.QUEUES}
    task_id = id_of(message)
    return DeadLetter(
        id=task_id,
        task_name=_text(headers.get("task")),
        organization_id=_text(headers.get("organization_id")),
        queue=came_from.get(str(death.get("queue")), DEFAULT),
        death=Death(
            reason=reason,
            error=_error(task_id) if reason in {"failed", "unknown task"} else None,
            died_at=_time(death.get("time")),
        ),
        history=_history(headers.get(HISTORY)),
    )


def content(message: Message) -> DeadLetterContent:
    """Return the same with the body."""
    _, body = unpacked(message)
    shown = body[:BODY_SHOWN].decode(errors="backslashreplace")
    return DeadLetterContent(**describe(message).model_dump(), body=shown, body_bytes=len(body))


def death_in(headers: dict[str, Any]) -> dict[str, Any]:
    """Return what the broker, or we in its place, noted when the message was set aside."""
    noted = headers.get("x-death")
    deaths = [each for each in noted if isinstance(each, dict)] if isinstance(noted, list) else []
    return next((death for death in deaths if death.get("reason") != "expired"), {})


def _reason(message: Message, death: dict[str, Any]) -> str:
    if death.get("reason") == "delivery_limit":
        return DELIVERED_TOO_OFTEN
    try:
        admission.check(message)
    except Refused as refused:
        return refused.reason
    return "failed" if message.headers["task"] in celery_app.tasks else "unknown task"


def _error(task_id: str) -> TaskError | None:
    try:
        return error_in(celery_app.backend.get_task_meta(task_id, cache=False))
    except unavailable():
        raise
    except Exception:
        # What lies there under this id is not a result.
        return None


def _history(noted: Any) -> list[Death]:
    found = []
    for earlier in noted if isinstance(noted, list) else []:
        try:
            death = Death.model_validate(earlier)
        except ValidationError:
            continue
        if death.error:
            # All of them are in one header, for which a broker has a limit.
            death.error.message = death.error.message[:LONGEST_TEXT]
        found.append(death)
    return found[-LONGEST_HISTORY:]


def _time(noted: Any) -> str | None:
    try:
        return noted.astimezone(UTC).isoformat() if isinstance(noted, datetime) else _text(noted)
    except (OverflowError, ValueError):
        return None


def _text(value: Any) -> str | None:
    """Return what can be shown of a header, wherever it is shown."""
    if not isinstance(value, str | int):
        return None
    return "".join(each if each.isprintable() else "\ufffd" for each in str(value)[:LONGEST_TEXT])
