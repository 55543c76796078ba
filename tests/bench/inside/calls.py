"""What can be called in a contender's environment, by name."""

import importlib
from collections.abc import Callable
from typing import Any

PROBE = "app.tasks.bench_probe"
ARGUMENTS = {"user_id": 1, "message": "hello"}


def task(name: str) -> Any:
    """Return a task of the application in whose environment this runs."""
    try:
        module = importlib.import_module(PROBE)
    except ModuleNotFoundError:
        module = importlib.import_module("bare")
    return getattr(module, name)


def push(name: str) -> Callable[[], object]:
    """Return a call that enqueues a task with `JobsService`."""
    service = importlib.import_module("app.jobs.service").JobsService()
    full_name = f"{PROBE}.{name}"
    return lambda: service.push_task(full_name, "bench", **ARGUMENTS)


def sender(way: str, name: str = "noop") -> Callable[[], object]:
    """Return a call that enqueues a task: `delay` or `push_task`."""
    if way == "push_task":
        return push(name)
    send = task(name).apply_async
    return lambda: send(kwargs=ARGUMENTS)
