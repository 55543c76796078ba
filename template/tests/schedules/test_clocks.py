"""Clocks that are wrong: the store's own time counts, and what was noted after it is not believed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.schedules import runs, service
from app.schedules import scheduler as scheduling
from app.schedules.entry import Entry, parse
from app.schedules.schedule import Progress
from app.schedules.scheduler import StoredScheduler
from app.schedules.store import Found, store
from tests.conftest import Sent
from tests.schedules.conftest import DESCRIBE, HOUR, Add, began, entry

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
AHEAD = datetime.now(UTC) + HOUR


class Clock:
    """The store's clock, which goes on when a test says so: no full minute passes in the middle of it."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.began = datetime.now(UTC)
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Return the store's time."""
        return self.began + self.offset


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Return the clock of the store, which a test may set."""
    clock, read = Clock(), type(store).read
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "read", lambda itself: Found(clock.now(), read(itself).schedules))
        yield clock


def noted(name: str, **progress: Any) -> None:
    """Note how far a schedule has come, whoever may say so."""
    assert store.note(name, entry(name).stored.progress, Progress(**progress).dump())


def since(name: str, time: datetime) -> None:
    """Let a schedule have begun at a time by somebody's clock."""
    found = entry(name)
    assert found.definition
    stored = found.stored.definition
    assert store.write(name, stored, found.definition.model_copy(update={"since": time}).dump())


@pytest.mark.parametrize("when", [{"every": 1}, {"crontab": "* * * * *"}])
def test_what_was_noted_by_a_clock_that_is_ahead_silences_no_schedule(
    when: dict[str, Any],
    add: Add,
    sent: Sent,
    scheduler: StoredScheduler,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add("report", when=when)
    noted("report", done_until=AHEAD, last_run=AHEAD)
    for _ in range(3):
        scheduler.tick()
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]

    clock.offset = MINUTE
    scheduler.tick()

    assert sent
    assert entry("report").progress.done_until <= clock.now()  # type: ignore[operator]
    assert not entry("report").ahead
    assert told == [f"'report' has noted {AHEAD}, which the store's clock has not reached: it is not believed"]


@pytest.mark.parametrize("when", [{"every": 7}, {"crontab": "* * * * *"}, {"at": MINUTE / 2}])
def test_a_schedule_that_began_by_a_clock_that_is_ahead_runs_at_its_own_times(
    when: dict[str, Any], add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    if "at" in when:
        when = {"at": (clock.now() + when["at"]).isoformat()}
    add("report that began ahead", when=when)
    since("report that began ahead", AHEAD)
    scheduler.tick()
    assert not sent

    due = entry("report that began ahead").due
    for seconds in range(5, 61, 5):
        clock.offset = timedelta(seconds=seconds)
        scheduler.tick()

    assert due
    if "every" in when:
        assert len(sent) in {8, 9}
        assert (AHEAD - due) % timedelta(seconds=7) == timedelta(0)
    else:
        assert len(sent) == 1


def test_what_a_scheduler_knew_before_somebody_noted_nonsense_still_holds(
    add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    add("report")
    began("report", HOUR - SECOND)
    scheduler.tick()
    noted("report", done_until=AHEAD)
    clock.offset = 2 * SECOND

    scheduler.tick()

    assert len(sent) == 1


@pytest.mark.parametrize("when", [{"every": 600}, {"crontab": "*/10 * * * *"}])
def test_when_the_stores_clock_is_set_back_what_keeps_its_pace_goes_on(
    when: dict[str, Any], add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    # A run is known by the schedule's name and the time: another test's must not pass for one of these.
    add("report that keeps its pace", when=when)
    for minute in 3 * [*range(0, 60, 10)]:
        clock.offset = minute * MINUTE
        scheduler.tick()

    # Nothing was due at the first look after the clock was set back: it counts from there.
    assert len(sent) == 3 * 5
    assert len({message["headers"]["id"] for message in sent}) == len(sent)


@pytest.mark.parametrize("kind", ["at", "crontab"])
def test_when_the_stores_clock_is_set_back_a_time_that_it_shows_again_is_due_once(
    kind: str, add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    name = f"report by {kind}"
    due = clock.now().replace(microsecond=0, second=0) + 2 * HOUR
    when = {"at": due.isoformat()} if kind == "at" else {"crontab": f"{due.minute} {due.hour} * * *", "timezone": "UTC"}
    add(name, when=when)
    for offset in (2 * HOUR + SECOND, HOUR, 2 * HOUR + 2 * SECOND):
        clock.offset = offset
        scheduler.tick()
        scheduler.tick()

    assert len(sent) == 1


def test_the_stores_clock_may_be_set_back_before_a_schedule_began(
    add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    add("report", when={"every": 600})
    for minutes in (0, 10, 5, -60, -45, -30):
        clock.offset = minutes * MINUTE
        scheduler.tick()

    assert len(sent) == 3
    assert service.show("report").state == "active"


def test_an_operator_sees_what_is_not_believed_and_takes_it_away(add: Add) -> None:
    add("report")
    noted("report", done_until=AHEAD)

    told = [f"not believed: a clock that was ahead has noted {AHEAD.isoformat(timespec='seconds')}"]
    assert service.show("report").notes == told
    assert told[0] in CliRunner().invoke(cli, ["schedules", "list"]).output
    service.run("report")
    assert service.show("report").notes == []
    noted("report", done_until=AHEAD)
    service.enable("report", enabled=False)
    service.enable("report", enabled=True)
    assert service.show("report").notes == []
    stored = Progress.model_validate_json(store.read().schedules["report"].progress or "")
    assert stored.done_until
    assert stored.done_until < AHEAD
    assert service.show("report").next_run < AHEAD + MINUTE  # type: ignore[operator]


def test_a_clock_that_has_lost_its_battery_brings_nothing_back(
    add: Add, sent: Sent, scheduler: StoredScheduler, clock: Clock
) -> None:
    add("past", when={"at": (datetime.now(UTC) + SECOND).isoformat()})
    add("daily", when={"every": 86_400})
    before = entry("daily").due
    clock.offset = MINUTE
    scheduler.tick()
    for offset in (datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - datetime.now(UTC), 2 * MINUTE):
        clock.offset = offset
        scheduler.tick()
        scheduler.tick()

    assert len(sent) == 1
    assert service.show("past").state == "ended"
    assert entry("daily").due == before


def test_an_operator_sees_that_nobody_sends_what_is_due(add: Add) -> None:
    add("report")
    due = began("report", HOUR + 2 * MINUTE).due
    assert due

    assert service.show("report").notes == [f"due since {due.isoformat(timespec='seconds')}: no scheduler sends it"]


def test_a_scheduler_whose_own_clock_is_wrong_says_so_once_and_runs_nothing_early_or_late(
    add: Add,
    sent: Sent,
    scheduler: StoredScheduler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = store.read().now
    add("hourly", expires=90)
    for offset, told in [
        (HOUR, "this machine's clock is 3600 s ahead of the store's, and the store's counts"),
        (-HOUR, "this machine's clock is 3600 s behind the store's, and the store's counts"),
        (timedelta(0), "this machine's clock agrees with the store's again"),
    ]:
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(scheduling, "datetime", wrong(offset))
            for _ in range(3):
                scheduler.tick()
        assert [record.message for record in caplog.records if "clock" in record.message] == [told]
    assert not sent
    began("hourly", HOUR + SECOND)
    scheduler.tick()
    assert real < datetime.fromisoformat(sent[0]["headers"]["expires"]) - timedelta(seconds=90) < real + MINUTE


def wrong(offset: timedelta) -> type:
    """Return a `datetime` whose time is that of another clock."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + offset

    return Wrong


def test_a_schedule_that_is_disabled_while_others_are_sent_is_not_sent(
    add: Add, sent: Sent, scheduler: StoredScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"first", "second"}
    for name in names:
        add(name)
        began(name, HOUR + SECOND)
    send = runs.send_due

    def slow(found: Entry, now: datetime) -> list[str]:
        [other] = names - {found.name}
        service.enable(other, enabled=False)
        monkeypatch.setattr(scheduling, "STALE", 0.0)
        return send(found, now)

    monkeypatch.setattr(runs, "send_due", slow)
    for _ in range(3):
        scheduler.tick()

    assert len(sent) == 1


def test_two_operators_who_change_a_schedule_at_the_same_time_both_have_their_way(add: Add) -> None:
    add("report")

    def changed(fields: dict[str, Any]) -> Any:
        service.enable("report", enabled=False)
        return parse(fields | {"priority": 3})

    service.change("report", changed)

    assert service.show("report").state == "disabled"
    assert service.show("report").schedule == parse(
        {"task": DESCRIBE, "when": {"every": 3600}, "priority": 3, "enabled": False}
    )
