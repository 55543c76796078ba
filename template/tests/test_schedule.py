"""The schedule: every entry can run."""

import inspect
from typing import Any

import pytest

from app.core.celery import celery_app
from app.core.schedule import beat_schedule
from app.jobs.registry import registered

ENTRIES: dict[str, dict[str, Any]] = celery_app.conf.beat_schedule


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_names_a_registered_task_with_arguments_that_fit(name: str) -> None:
    task = registered(ENTRIES[name]["task"])

    inspect.signature(task.run).bind(*ENTRIES[name].get("args", ()), **ENTRIES[name].get("kwargs", {}))


def test_the_scheduler_uses_this_schedule() -> None:
    assert beat_schedule.items() <= ENTRIES.items()
