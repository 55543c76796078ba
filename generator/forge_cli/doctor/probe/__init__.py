"""Run by the project's own Python in the project's directory: what the project says of itself, as one fact a line.

It imports nothing else of Forge's, for that is not installed there, and uses nothing of the project but what the first
release has. What may take long runs in threads, for which there is a time limit.
"""

import os
import sys
import threading
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import facts, servers, settings, work


def main(file: str) -> None:
    """Write every fact to a file, and end the process even if a thread still waits."""
    facts.file = Path(file)
    sys.path.insert(0, str(Path.cwd()))
    try:
        if facts.runs("settings", settings.settle) and settings.addresses_can_be_read():
            _examine()
        facts.tell("done")
    except Exception as error:
        # Whatever a changed project may do; what has been found so far is worth something.
        facts.tell("done", text=facts.words(error))
    os._exit(0)


def _examine() -> None:
    if not facts.runs("celery", _make_application):
        return
    if facts.runs("tasks", _import_tasks):
        work.look_at_tasks()
        work.look_at_entries()
    facts.runs("api", _import_api)
    if not settings.in_development:
        settings.look_at_secrets()
    lost = _wait(servers.ask_all()) | servers.lost
    questions = {"presence": work.look_at_workers} if "results" not in lost else {}
    if not lost & {"database", "schedules"} and find_spec("app.schedules"):
        questions["stored"] = work.look_at_stored_schedules
    _wait({name: servers.limited(partial(facts.runs, name, what)) for name, what in questions.items()})


def _wait(threads: dict[str, threading.Thread]) -> set[str]:
    """Wait for threads together; return those that have not ended in time."""
    deadline = time.monotonic() + servers.SECONDS
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name for name, thread in threads.items() if thread.is_alive()}


def _make_application() -> None:
    from app.core import broker, results
    from app.core.celery import celery_app

    # As in the API, where somebody waits too.
    limits: dict[str, Any] = {**getattr(broker, "FAIL_FAST", {}), **getattr(results, "FAIL_FAST", {})}
    celery_app.conf.update(limits)


def _import_tasks() -> None:
    from app.core.celery import celery_app

    celery_app.loader.import_default_modules()


def _import_api() -> None:
    import app.main  # noqa: F401
