"""Print what the stores hold, read without the project's own code for it: every record, and the result of each job."""

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


def main() -> None:
    """Print everything."""
    # Databases differ in how they keep an id.
    found = {str(UUID(task_id)): record for task_id, record in records().items()}
    told = {task_id: {"record": record, "result": result(task_id)} for task_id, record in found.items()}
    print(json.dumps(told, default=str))


main()
