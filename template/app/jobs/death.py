"""What is known of a message that could not be processed."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from kombu import Message
from pydantic import BaseModel

from app.core import broker
from app.core.celery import celery_app
from app.core.queues import DEFAULT
from app.jobs.schemas import TaskError
from app.jobs.states import error_in

HISTORY = "dead_letters"


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
    """One message with its body, as far as it is text."""

    body: str


def id_of(message: Message) -> str:
    """Return the id under which a dead letter can be asked for."""
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return str((message.headers or {}).get("id") or hashlib.sha256(body).hexdigest()[:32])


def describe(message: Message) -> DeadLetter:
    """Return what a message says about itself and its end."""
    headers: dict[str, Any] = dict(message.headers or {})
    deaths = [death for death in headers.get("x-death") or [] if death.get("reason") != "expired"]
    death = deaths[0] if deaths else {}
    name = headers.get("task")
    came_from = {queue.name: queue.alias for queue in broker.QUEUES}
    died_at = death.get("time")
    return DeadLetter(
        id=id_of(message),
        task_name=name,
        organization_id=headers.get("organization_id"),
        queue=came_from.get(str(death.get("queue")), DEFAULT),
        death=Death(
            reason=_reason(message, name, death),
            error=_error(id_of(message)) if name else None,
            died_at=died_at.astimezone(UTC).isoformat() if isinstance(died_at, datetime) else died_at,
        ),
        history=[Death.model_validate(earlier) for earlier in headers.get(HISTORY) or []],
    )


def _reason(message: Message, name: str | None, death: dict[str, Any]) -> str:
    if death.get("reason") == "delivery_limit":
        return "delivered too often without an acknowledgement"
    try:
        message.decode()
    except Exception:
        # Whatever a decoder raises: this is what the letter is about.
        return "cannot be decoded"
    if name is None:
        return "is no task"
    return "failed" if name in celery_app.tasks else "unknown task"


def _error(task_id: str) -> TaskError | None:
    return error_in(celery_app.backend.get_task_meta(task_id, cache=False))
