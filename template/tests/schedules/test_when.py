"""When a schedule is due, by the clock of its time zone and by seconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.schedules.entry import BadSchedule, parse
from app.schedules.schedule import Definition

TASK = "tests.tasks.describe"
BERLIN = "Europe/Berlin"
START = datetime(2026, 1, 1, tzinfo=UTC)


def due(start: datetime, until: datetime, **fields: Any) -> list[str]:
    """Return every time between two that a schedule is due, in UTC."""
    found = Definition(**{"task": TASK, "since": START, **fields})
    times = []
    while (time := found.after(start)) and time <= until:
        times.append(f"{time:%m-%d %H:%M:%S}")
        start = time
    return times


def crontab(text: str, first: datetime, days: int, timezone: str = BERLIN) -> list[str]:
    """Return what is due within some days, to the minute."""
    when = {"crontab": text, "timezone": timezone}
    return [time[:-3] for time in due(first, first + timedelta(days=days), when=when)]


# The clock goes from 2:00 to 3:00 on March 29 at 1:00 UTC, and from 3:00 to 2:00 on October 25 at the same time.
@pytest.mark.parametrize(
    ("text", "first", "times"),
    [
        ("30 2 * * *", datetime(2026, 3, 28, tzinfo=UTC), ["03-28 01:30", "03-29 01:30", "03-30 00:30"]),
        ("30 2 * * *", datetime(2026, 10, 24, tzinfo=UTC), ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
    ],
)
def test_a_time_that_the_clock_skips_or_repeats_is_due_once(text: str, first: datetime, times: list[str]) -> None:
    assert crontab(text, first, 3) == times


def test_every_hour_means_every_hour_also_when_the_clock_is_changed() -> None:
    spring = crontab("0 * * * *", datetime(2026, 3, 28, 22, 30, tzinfo=UTC), 1)
    autumn = crontab("*/30 * * * *", datetime(2026, 10, 24, 22, 45, tzinfo=UTC), 1)

    assert len(spring) == 24
    assert len(autumn) == 48


def test_a_crontab_names_days_of_the_week_and_the_month() -> None:
    assert crontab("0 9 * * mon-fri", datetime(2026, 1, 2, 12, tzinfo=UTC), 3, "UTC") == ["01-05 09:00"]
    assert crontab("0 9 * * 0", datetime(2026, 1, 1, tzinfo=UTC), 7, "UTC") == ["01-04 09:00"]
    assert crontab("15 6 29 2 *", datetime(2026, 1, 1, tzinfo=UTC), 1000, "UTC") == ["02-29 06:15"]


def test_an_interval_is_counted_from_its_start_and_ends() -> None:
    minute = timedelta(minutes=1)
    assert due(START, START + minute, when={"every": 20}) == ["01-01 00:00:20", "01-01 00:00:40", "01-01 00:01:00"]
    starts = {"starts_at": START + timedelta(seconds=30), "ends_at": START + timedelta(seconds=50)}
    assert due(START, START + minute, when={"every": 20}, **starts) == ["01-01 00:00:30", "01-01 00:00:50"]


def test_a_time_is_due_once() -> None:
    assert due(START, START + timedelta(days=9), when={"at": "2026-01-02T01:00:00+01:00"}) == ["01-02 00:00:00"]


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ({"crontab": "0 0 31 2 *"}, "never occurs in month"),
        ({"crontab": "0 0 * *"}, "a crontab has five fields"),
        ({"crontab": "61 0 * * *"}, "when.crontab: "),
        ({"crontab": "nonsense 0 * * *"}, "when.crontab: "),
        ({"crontab": "0 0 * * *", "timezone": "Europe/Atlantis"}, "there is no time zone 'Europe/Atlantis'"),
        ({"crontab": "0 0 * * *", "timezone": "../etc/passwd"}, "there is no time zone '../etc/passwd'"),
        ({"every": 0}, "when.every: "),
        ({"every": "soon"}, "when.every: "),
        ({"at": "2026-01-01T00:00:00"}, "when.at: "),
        ({"every": 5, "at": "2026-01-01T00:00:00Z"}, "say one of `crontab`, `every` (seconds) and `at` (a time)"),
        ({}, "say one of `crontab`, `every` (seconds) and `at` (a time)"),
        ("daily", "say one of `crontab`, `every` (seconds) and `at` (a time)"),
    ],
)
def test_what_is_never_due_is_refused(when: Any, problem: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        parse({"task": TASK, "when": when})

    assert problem in str(refused.value)
