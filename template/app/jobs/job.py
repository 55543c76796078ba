"""A job: a task that is sent on behalf of an organization, with all that its message needs."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from app.core import broker
from app.core.celery import celery_app


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def written(arguments: dict[str, Any]) -> str:
    """Return arguments as text, equal ones as equal texts."""
    return json.dumps(arguments, sort_keys=True)


def digest_of(arguments: dict[str, Any]) -> str:
    """Return what tells arguments from others."""
    return hashlib.sha256(written(arguments).encode()).hexdigest()


class BeingSent(TimeoutError):
    """Somebody else is sending the same job at this moment."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        id: The id of its task, the same at every try.
        queue: The queue's name in `app/core/queues.py`.
        arguments: The task's keyword arguments as plain JSON.
        digest: What tells these arguments from others.
        eta: When it may start at the earliest.
        expires: When it is dropped if it has not started.
        keyed: Whether the id comes from an idempotency key, so that the same job may come again.
    """

    id: str
    task_name: str
    organization_id: str
    request_id: str | None
    queue: str
    arguments: dict[str, Any]
    digest: str
    priority: int | None = None
    eta: datetime | None = None
    expires: datetime | None = None
    keyed: bool = False

    def publish(self) -> None:
        """Give the message to the broker.

        Raises:
            kombu.exceptions.OperationalError: The broker cannot be reached.
        """
        options: dict[str, Any] = {"task_id": self.id, "queue": self.queue, "priority": self.priority}
        options["expires"] = self.expires
        now = datetime.now(UTC)
        if self.eta and self.eta.astimezone(UTC) > now:
            options["eta"] = max(self.eta.astimezone(UTC), now + timedelta(seconds=broker.SHORTEST_DELAY))
        options["headers"] = _given(
            {"job": True, "organization_id": self.organization_id, "request_id": self.request_id}
        )
        celery_app.tasks[self.task_name].apply_async(kwargs=self.arguments, **_given(options))

    def dump(self) -> str:
        """Return the job as text."""
        return json.dumps(asdict(self), default=datetime.isoformat)

    @classmethod
    def load(cls, text: str | bytes) -> Self:
        """Return the job of a text that `dump` made."""
        values = json.loads(text)
        times = {name: datetime.fromisoformat(values[name]) for name in ("eta", "expires") if values.get(name)}
        return cls(**values | times)
