"""Print what the stores hold, read without the project's own code for it: records, results, and where messages are."""

import json
from typing import Any
from uuid import UUID

from app.core.celery import celery_app
from app.core.config.settings import settings


def records() -> dict[str, dict[str, Any]]:
    """Return the record of every job by its id."""
    if not hasattr(settings, "database"):
        client = celery_app.backend.client
        prefix = f"{settings.app.SLUG}-job-"
        keys = [key.decode() for key in client.scan_iter(f"{prefix}*")]
        return {key.removeprefix(prefix): json.loads(client.get(key) or b"{}") for key in keys}
    from app.core.database import URL
    from sqlalchemy import create_engine, text

    with create_engine(URL).connect() as connection:
        rows = connection.execute(text("SELECT * FROM jobs")).mappings().all()
    return {str(row["id"]): dict(row) for row in rows}


def result(task_id: str) -> dict[str, Any]:
    """Return what the result backend holds under an id."""
    meta = celery_app.backend.get_task_meta(task_id, cache=False)
    value = meta["result"]
    error = type(value).__name__ if isinstance(value, BaseException) else None
    return {"status": meta["status"], "result": None if error else value, "error": error}


def whereabouts() -> dict[str, list[str]]:
    """Return where the message of each job is, with Redis as the broker; RabbitMQ does not tell."""
    found: dict[str, list[str]] = {}
    with celery_app.connection_for_write() as connection:
        client = getattr(connection.default_channel, "client", None)
        if client is None:
            return found
        channel = connection.default_channel
        seconds = client.ttl(channel.unacked_mutex_key)
        for value in client.hvals(channel.unacked_key):
            message = json.loads(value)[0]
            held = f", which nobody may look at for {seconds} s" if seconds > 0 else ""
            found.setdefault(message["headers"].get("id", "?"), []).append(f"unacked{held}")
        for key in client.scan_iter(f"{settings.app.SLUG}.*", _type="list"):
            for value in filter(None, client.lrange(key, 0, -1)):  # a bell has no text
                name = key.decode().encode("unicode_escape").decode()
                found.setdefault(json.loads(value)["headers"].get("id", "?"), []).append(name)
    return found


def main() -> None:
    """Print everything."""
    places = whereabouts()
    # Databases differ in how they keep an id.
    found = {str(UUID(task_id)): record for task_id, record in records().items()}
    told = {
        task_id: {"record": record, "result": result(task_id), "message": places.get(task_id, [])}
        for task_id, record in found.items()
    }
    print(json.dumps(told, default=str))


main()
