"""The scheduler when its machine's clock is set back, and crontabs when the clocks of a time zone are changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

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


def test_an_entry_that_ran_before_the_clocks_went_back_did_not_run_at_a_time_to_come(
    scheduler: HeartbeatScheduler, sent: Sent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    last, now = (datetime(2026, 10, 25, *time, tzinfo=UTC).astimezone(berlin) for time in ((0, 50), (1, 10)))
    monkeypatch.setattr(celery_app, "now", lambda: now)
    for entry in scheduler.schedule.values():
        entry.last_run_at = last

    scheduler.tick()

    assert not [record for record in caplog.records if "has not reached" in record.message]
    assert sent  # what is due


@pytest.mark.parametrize(
    ("zone", "changed"),
    [
        ("Europe/Berlin", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T01:00"),
        ("America/Havana", "2026-11-01T05:00"),  # at midnight
        ("Australia/Lord_Howe", "2026-04-04T15:00"),  # by half an hour
    ],
)
@pytest.mark.parametrize("fields", [{"minute": "*/15"}, {"minute": 0}, {"minute": "*/30", "day_of_week": "mon-fri"}])
def test_a_crontab_of_every_hour_is_due_whenever_the_clock_shows_its_time(
    zone: str, changed: str, fields: dict[str, Any]
) -> None:
    first = datetime.fromisoformat(changed).replace(tzinfo=UTC) - 2 * HOUR
    local = ZoneInfo(zone)
    schedule = in_zone(local, **fields)
    shown = [time.astimezone(local) for time in (first + timedelta(minutes=number) for number in range(1, 60 * 60))]
    expected = [
        time.astimezone(UTC)
        for time in shown
        if time.minute in schedule.minute and time.isoweekday() % 7 in schedule.day_of_week
    ]

    assert runs(schedule, first, len(expected)) == expected


def test_a_crontab_of_some_hours_is_due_once_in_the_night_that_has_an_hour_twice() -> None:
    schedule = in_zone(ZoneInfo("Europe/Berlin"), hour=2, minute=30)
    first = datetime(2026, 10, 24, 12, tzinfo=UTC)

    expected = [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]
    assert runs(schedule, first, 2) == expected


def test_a_crontab_that_begins_while_the_clock_shows_an_hour_again_is_due_later() -> None:
    schedule = in_zone(ZoneInfo("Europe/Berlin"), hour=2, minute="*/15")
    first = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)

    assert runs(schedule, first, 2) == [first + timedelta(minutes=10), first + timedelta(minutes=25)]


def in_zone(zone: ZoneInfo, **fields: Any) -> Any:
    """Return a crontab by the clock of a time zone."""
    schedule: Any = crontab(**fields)
    schedule.tz = zone
    return schedule


def runs(schedule: Any, last: datetime, number: int) -> list[datetime]:
    """Return when a crontab is due after a run, each time counted from the run before."""
    found: list[datetime] = []
    for _ in range(number):
        schedule.nowfun = lambda now=last: now
        last += schedule.remaining_estimate(last)
        found.append(last)
    return found
