"""The project's tasks: where each goes, what the schedule asks of them, and what is consumed."""

import inspect
from collections.abc import Mapping
from typing import Any

from .facts import tell, words
from .servers import database_is_missing, engine_of_results, has_table


def look_at_tasks() -> None:
    """Find tasks that name a queue which does not exist."""
    from app.core.celery import celery_app as app
    from celery.exceptions import QueueNotFound

    tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    queues: dict[str, list[str]] = {}
    for name, task in sorted(tasks.items()):
        own = getattr(task, "queue", None)
        try:
            queue = app.amqp.router.route({"queue": own} if own else {}, name)["queue"]
        except QueueNotFound as error:
            tell("misrouted", task=name, queue=own, text=words(error))
        else:
            queues.setdefault(str(getattr(queue, "alias", None) or queue), []).append(name)
    tell("tasks", count=len(tasks), queues=queues)


def look_at_entries() -> None:
    """Find entries of the schedule that cannot run."""
    from app.core.celery import celery_app as app

    entries = dict(app.conf.beat_schedule or {})
    problems = {name: problem for name, entry in entries.items() if (problem := _problem_with(entry, app.tasks))}
    tell("entries", count=len(entries), problems=problems)


def look_at_stored_schedules() -> None:
    """Find schedules in the store that cannot run."""
    from app.schedules.entry import read
    from app.schedules.store import store

    if not database_is_missing():
        found = store.read()
        # Since 0.3.0, the store tells its time as well.
        rows, told = (found.schedules, (found.now,)) if hasattr(found, "now") else (found, ())
        problems = {name: read(name, row, *told).problem for name, row in rows.items()}
        tell("stored", problems={name: problem for name, problem in problems.items() if problem})


def _problem_with(entry: Any, tasks: Mapping[str, Any]) -> str:
    from app.core.queues import QUEUES

    try:
        name = entry["task"]
        if name not in tasks:
            return f"no task is registered as `{name}`"
        inspect.signature(tasks[name].run).bind(*(entry.get("args") or ()), **(entry.get("kwargs") or {}))
        queue = (entry.get("options") or {}).get("queue")
        return f"its queue `{queue}` is not in `app/core/queues.py`" if queue and queue not in QUEUES else ""
    except Exception as error:
        return words(error)


def look_at_workers() -> None:
    """Read which queues no worker says to consume."""
    from app.core.celery import celery_app
    from app.core.queues import QUEUES
    from app.jobs.presence import unconsumed

    engine, backend = engine_of_results(), celery_app.backend
    if engine is None:
        found = unconsumed()
    elif has_table(engine, backend.task_cls.__table__.name):
        backend.session_manager.prepared = True  # or asking would make and change tables
        found = unconsumed()
    else:
        found = list(QUEUES)  # the first worker makes the table
    tell("workers", queues=list(QUEUES), unconsumed=found)
