"""The schedule: every entry can run."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from celery.utils.imports import symbol_by_name

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


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"task": "no.such.task", "schedule": 60}, "no task is registered as 'no.such.task'"),
        ({"task": "tests.tasks.hold", "schedule": 60}, "gate"),
        ({"task": "tests.tasks.describe"}, "schedule"),
    ],
)
def test_an_entry_that_cannot_run_is_left_out_and_told(
    entry: dict[str, Any],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(celery_app.conf, "beat_schedule", {"wrong": entry})

    scheduler = symbol_by_name(celery_app.conf.beat_scheduler)(celery_app, schedule_filename=str(tmp_path / "schedule"))
    scheduler.close()

    [told] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "the entry 'wrong'" in told
    assert problem in told
