"""Schedules while everything runs: edits, broken rows, servers that go away, downtime, and entries of the code."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.boot.polling import wait_for
from tests.faults import outages
from tests.faults.running import Figures
from tests.faults.stage import lines

from .stage import NOTE, Stage, traced

pytestmark = pytest.mark.faults

RUN_SECONDS = 20.0  # until a schedule of one second has run a few times; far less on a quiet machine

SINCE = "2026-01-01T00:00:00+00:00"
BAD = {
    "no-json": "{",
    "no-such-task": json.dumps({"task": "no.such.task", "when": {"every": 1}, "since": SINCE}),
    "no-such-day": json.dumps({"task": NOTE, "when": {"crontab": "0 0 31 2 *"}, "since": SINCE}),
    "no-arguments": json.dumps({"task": NOTE, "when": {"every": 1}, "since": SINCE}),
    "bad-arguments": json.dumps({"task": NOTE, "when": {"every": 1}, "kwargs": "{", "since": SINCE}),
}


def expect_runs(path: Path, more: int = 2, within: float = RUN_SECONDS) -> None:
    """Wait until a schedule has run some more times."""
    before = len(lines(path))
    wait_for("the schedule runs", lambda: len(lines(path)) >= before + more, within=within)


def expect_no_run(path: Path, other: Path) -> None:
    """See that a schedule runs no more, once what was sent has run, while another one does."""
    expect_runs(other, 3)
    before = len(lines(path))
    expect_runs(other, 3)
    assert len(lines(path)) == before


@pytest.mark.on("redis", "postgresql")
def test_an_edit_is_effective_within_seconds(stage: Stage, figures: Figures) -> None:
    first, second, other = stage.path(), stage.path(), stage.path()
    stage.add("other", other)
    stage.start_scheduler()
    stage.cli(
        "schedules", "add", "edited", "--task", NOTE, "--every", "1", "--kwargs", json.dumps({"path": str(first)})
    )
    expect_runs(first)

    started = time.monotonic()
    stage.call("PUT", "edited", traced(second))
    wait_for("the edit is effective", lambda: lines(second), within=RUN_SECONDS)
    figures(f"an edit was effective after {time.monotonic() - started:.1f} s")
    expect_no_run(first, other)

    stage.cli("schedules", "disable", "edited")
    expect_no_run(second, other)
    ran = len(lines(second))
    task_id = stage.call("POST", "edited/run", expected=202)["task_id"]
    wait_for("the run that was asked for", lambda: lines(second)[ran:] == [task_id], within=RUN_SECONDS)
    stage.call("POST", "edited/enable")
    expect_runs(second)
    shown = stage.call("GET", "edited")
    assert shown["last_task_id"] in lines(second)
    stage.call("DELETE", "edited", expected=204)
    stage.call("GET", "edited", expected=404)


def test_a_broken_row_is_set_aside_and_all_others_run(stage: Stage) -> None:
    good, fixed = stage.path(), stage.path()
    stage.add("good", good)
    beat = stage.start_scheduler()
    stage.write(json.dumps(BAD))

    def set_aside() -> bool:
        return {found["name"] for found in stage.call("GET") if found["state"] == "set aside"} == BAD.keys()

    wait_for("the broken rows are set aside", set_aside, within=RUN_SECONDS)
    expect_runs(good)
    listed = stage.cli("schedules", "list")
    assert "no task is registered as 'no.such.task'" in listed
    beat.kill()
    beat = stage.start_scheduler()
    expect_runs(good, 3)
    told = [line for line in beat.output().splitlines() if "is set aside" in line]
    assert len(told) <= 2 * len(BAD), told

    stage.call("PUT", "no-json", traced(fixed))
    expect_runs(fixed)
    beat.expect_alive()


@pytest.mark.on("redis")
def test_the_store_goes_away_and_nothing_is_lost_or_done_twice(stage: Stage) -> None:
    traces = stage.path()
    stage.add("steady", traces)
    beat = stage.start_scheduler()
    expect_runs(traces)
    with outages.down(stage.servers["store"]):
        other = stage.start_scheduler("beat-2")
        time.sleep(5)
        beat.expect_alive()

    ran = len(lines(traces))
    expect_runs(traces, 8)
    beat.expect_alive()
    other.expect_alive()
    assert len(lines(traces)) == len(set(lines(traces))) > ran


@pytest.mark.on("redis", "postgresql")
def test_the_servers_of_jobs_go_away_and_the_schedules_go_on(stage: Stage) -> None:
    traces = stage.path()
    stage.add("steady", traces)
    beat = stage.start_scheduler()
    expect_runs(traces)
    for part, server in stage.servers.items():
        if part != "store":
            with outages.down(server):
                time.sleep(4)
                beat.expect_alive()

    wait_for("the schedule runs again", lambda: ran_lately(stage), within=60)
    expect_runs(traces, 3, within=60)
    beat.expect_alive()


def ran_lately(stage: Stage) -> bool:
    """Tell whether the schedule `steady` was sent within the last seconds."""
    last = datetime.fromisoformat(stage.call("GET", "steady")["last_run"])
    return datetime.now(UTC) - last < timedelta(seconds=5)


@pytest.mark.on("redis", "postgresql")
def test_after_downtime_a_missed_run_happens_once_or_not_at_all(stage: Stage) -> None:
    once, skip, other = stage.path(), stage.path(), stage.path()
    stage.add("other", other)
    earlier = {"since": (datetime.now(UTC) - timedelta(hours=5, minutes=10)).isoformat()}
    hourly = {"when": {"every": 3600}}
    stage.write(
        json.dumps(
            {
                "once": json.dumps({**traced(once), **hourly, **earlier, "missed": "once"}),
                "skip": json.dumps({**traced(skip), **hourly, **earlier, "missed": "skip"}),
            }
        )
    )
    stage.start_scheduler()
    stage.start_scheduler("beat-2")

    wait_for("the missed run happens", lambda: lines(once), within=RUN_SECONDS)
    expect_no_run(once, other)
    assert len(lines(once)) == 1
    assert lines(skip) == []
    for name in ("once", "skip"):
        assert datetime.fromisoformat(stage.call("GET", name)["next_run"]) > datetime.now(UTC)


@pytest.fixture
def code(stage: Stage) -> Iterator[Path]:
    """Return the file of the code's entries, which is as it was afterwards."""
    path = stage.project.root / "app/core/schedule.py"
    before = path.read_text()
    yield path
    path.write_text(before)


@pytest.mark.on("postgresql")
def test_the_code_changes_and_an_operators_edit_stays(stage: Stage, code: Path) -> None:
    coded, edited = stage.path(), stage.path()
    before = code.read_text()

    def deploy(*entries: str) -> None:
        code.write_text(before + "".join(f"beat_schedule['coded'] = {entry}\n" for entry in entries))
        if "beat" in stage.processes:
            stage.processes["beat"].kill()
        stage.start_scheduler()

    deploy(f"{{'task': {NOTE!r}, 'schedule': 1.0, 'args': [{str(coded)!r}]}}")
    expect_runs(coded)
    stage.call("PUT", "coded", traced(edited))
    expect_runs(edited)
    deploy(f"{{'task': {NOTE!r}, 'schedule': 2.0, 'args': ['/nowhere/at/all']}}")

    def noted(text: str) -> bool:
        return any(text in note for note in stage.call("GET", "coded")["notes"])

    wait_for("the listing tells of both changes", lambda: noted("the operator's stays: kwargs"), within=RUN_SECONDS)
    assert stage.call("GET", "coded")["schedule"]["when"] == {"every": 2.0}
    expect_runs(edited)
    assert "disable it instead" in stage.call("DELETE", "coded", expected=409)["detail"]

    deploy()
    wait_for("the listing tells that it is gone", lambda: noted("no longer in the code"), within=RUN_SECONDS)
    expect_runs(edited)
    stage.call("DELETE", "coded", expected=204)
