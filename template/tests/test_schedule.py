"""The schedule: every entry can run."""

import inspect
from typing import Any

import pytest

from app.core.celery import celery_app
from app.core.schedule import beat_schedule


@pytest.mark.parametrize("entry", beat_schedule.values(), ids=list(beat_schedule))
def test_every_entry_names_a_registered_task_with_arguments_that_fit(entry: dict[str, Any]) -> None:
    celery_app.loader.import_default_modules()
    task = celery_app.tasks[entry["task"]]

    inspect.signature(task.run).bind(*entry.get("args", ()), **entry.get("kwargs", {}))


def test_the_scheduler_uses_this_schedule() -> None:
    assert celery_app.conf.beat_schedule == beat_schedule
