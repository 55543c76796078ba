"""Schedulers whose clocks are wrong, a store whose clock is set, and what somebody with a wrong clock has noted."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.running import Figures
from tests.faults.stage import lines

from .clocks import require_compiler
from .stage import Stage, traced
from .test_schedules import expect_no_run, expect_runs

pytestmark = pytest.mark.faults

HOUR = 3600


def after(seconds: int) -> str:
    """Return the time after so many seconds."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_of_three_schedulers_whose_clocks_are_hours_apart_each_due_run_is_sent_once_and_on_time(
    stage: Stage, figures: Figures
) -> None:
    require_compiler()
    traces, early = stage.path(), stage.path()
    stage.add("early", early, when={"at": after(HOUR // 2)})
    stage.add("steady", traces, expires=60)
    offsets = {"fast": HOUR, "slow": -HOUR, "right": 0}
    beats = {
        name: stage.start_scheduler(name, **stage.clock(name, seconds).environment) for name, seconds in offsets.items()
    }
    expect_runs(traces, 4)
    beats["fast"].kill()
    expect_runs(traces)
    beats["right"].kill()
    expect_runs(traces)
    last_run = datetime.fromisoformat(stage.call("GET", "steady")["last_run"])
    beats["slow"].kill()

    assert abs(datetime.now(UTC) - last_run) < timedelta(minutes=1)
    expected, ran = stage.expected("steady"), lines(traces)
    figures(f"{len(expected)} runs were due by the store's clock, {len(ran)} happened")
    assert set(expected) <= set(ran)
    # It was killed before it could note the last ones.
    assert len(ran) == len(set(ran)) <= len(expected) + 2
    assert lines(early) == []
    told = {name: [line for line in beat.output().splitlines() if "clock" in line] for name, beat in beats.items()}
    assert "3600 s ahead of the store's" in told["fast"][0]
    assert "3600 s behind the store's" in told["slow"][0]
    assert [len(found) for found in told.values()] == [1, 1, 0]


@pytest.mark.on("redis")
def test_a_scheduler_whose_clock_is_set_while_it_runs_goes_on(stage: Stage) -> None:
    require_compiler()
    traces, early = stage.path(), stage.path()
    stage.add("early", early, when={"at": after(HOUR // 2)})
    stage.add("steady", traces)
    clock = stage.clock("jumping")
    beat = stage.start_scheduler("jumping", **clock.environment)
    expect_runs(traces)
    for seconds in (HOUR, -HOUR, 0):
        clock.set(seconds)
        expect_runs(traces)

    assert len(lines(traces)) == len(set(lines(traces)))
    assert lines(early) == []
    assert len([line for line in beat.output().splitlines() if "this machine's clock" in line]) == 3


def test_the_stores_clock_is_set_and_schedules_go_on(stage: Stage) -> None:
    require_compiler()
    traces, once = stage.path(), stage.path()
    stage.add("steady", traces)
    stage.add("once", once, when={"at": after(HOUR // 2)})
    stage.start_scheduler()
    stage.start_scheduler("beat-2")
    expect_runs(traces)
    for seconds in (HOUR, 0, -HOUR):
        stage.store_clock.set(seconds)
        expect_runs(traces, 3)

    assert len(lines(traces)) == len(set(lines(traces)))
    assert len(lines(once)) == 1


@pytest.mark.on("redis")
def test_what_was_noted_an_hour_ahead_silences_no_schedule(stage: Stage) -> None:
    noted, began, other = stage.path(), stage.path(), stage.path()
    ahead = after(HOUR)
    stage.add("noted", noted)
    stage.add("other", other)
    stage.write(json.dumps({"began": json.dumps({**traced(began), "since": ahead})}))
    stage.note_down("noted", json.dumps({"done_until": ahead, "last_run": ahead, "last_task_id": None}))
    for name in ("noted", "began"):
        assert stage.call("GET", name)["notes"][0].startswith("not believed: ")
    beat = stage.start_scheduler("unbelieving")
    for path in (noted, began):
        expect_runs(path)

    told = [line for line in beat.output().splitlines() if "it is not believed" in line]
    assert [sum(f"'{name}' has noted" in line for line in told) for name in ("noted", "began")] == [1, 1]
    assert "not believed" in stage.cli("schedules", "show", "began")
    stage.note_down("noted", json.dumps({"done_until": ahead}))
    for name in ("noted", "began"):
        stage.cli("schedules", "disable", name)
    expect_no_run(noted, other)
    for name in ("noted", "began"):
        stage.call("POST", f"{name}/enable")
        assert stage.call("GET", name)["notes"] == []
    for path in (noted, began):
        expect_runs(path)
        assert len(lines(path)) == len(set(lines(path)))
