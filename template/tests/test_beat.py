"""The scheduler when its machine's clock is set back: nothing waits until the clock is where it was."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery.schedules import crontab

from app.core.beat import HeartbeatScheduler
from app.core.celery import celery_app
from tests.conftest import Sent

DESCRIBE = "tests.tasks.describe"
HOUR = timedelta(hours=1)


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeartbeatScheduler]:
    """Return a scheduler with two entries, whose last runs are kept in a file."""
    entries = {
        "second": {"task": DESCRIBE, "schedule": 1.0},
        "minute": {"task": DESCRIBE, "schedule": crontab()},
    }
    monkeypatch.setitem(celery_app.conf, "beat_schedule", entries)
    scheduler = HeartbeatScheduler(celery_app, schedule_filename=str(tmp_path / "schedule"))
    yield scheduler
    scheduler.close()


def test_an_entry_that_ran_last_at_a_time_to_come_counts_from_now(
    scheduler: HeartbeatScheduler, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler.tick()
    for name in ("second", "minute"):
        scheduler.schedule[name].last_run_at = celery_app.now() + HOUR
    scheduler.populate_heap()

    assert scheduler.tick() <= 1
    assert len([record for record in caplog.records if "has not reached" in record.message]) == 2
    for name, longest in [("second", 1), ("minute", 60)]:
        is_due, seconds = scheduler.schedule[name].is_due()
        assert is_due or seconds <= longest
    assert scheduler.schedule["second"].last_run_at <= celery_app.now()  # type: ignore[operator]
    caplog.clear()
    scheduler.tick()
    assert not caplog.records
    assert not sent
