"""Every due run happens exactly once, though two schedulers send it and one of them is always being killed."""

import os
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.boot.polling import wait_for
from tests.faults.running import Figures
from tests.faults.stage import lines

from .stage import Stage

pytestmark = pytest.mark.faults

SECONDS = float(os.environ.get("FORGE_SCHEDULE_SECONDS", "30"))
INTERVALS = (1, 1, 1, 2, 2, 3, 3, 5, 5, 7, 11, 13)


def test_every_due_run_happens_once_while_two_schedulers_are_killed_in_turn(stage: Stage, figures: Figures) -> None:
    traces = stage.path()
    beats = [stage.start_scheduler(name) for name in ("beat-1", "beat-2")]
    end = time.monotonic() + SECONDS
    ends_at = (datetime.now(UTC) + timedelta(seconds=SECONDS)).isoformat()
    names = [f"crowd-{number}" for number in range(len(INTERVALS))]
    for name, interval in zip(names, INTERVALS, strict=True):
        stage.add(name, traces, when={"every": interval}, ends_at=ends_at)

    kills = 0
    while time.monotonic() < end:
        time.sleep(random.uniform(0.5, 2.5))
        turn = kills % 2
        beats[turn].kill()
        beats[turn] = stage.start_scheduler(f"beat-{turn + 1}")
        kills += 1

    def ended() -> bool:
        return {found["state"] for found in stage.call("GET") if found["name"] in names} == {"ended"}

    wait_for("everything that was due is sent", ended, within=60, every=0.5)
    expected = stage.expected("crowd-")
    # A run whose sender was killed after it was recorded is sent by a worker, or by the other one, ten seconds later.
    wait_for("everything that was sent has run", lambda: set(lines(traces)) >= set(expected), within=60, every=0.5)
    time.sleep(12 if SECONDS > 60 else 2)
    ran = lines(traces)
    figures(f"{len(expected)} runs were due in {SECONDS:.0f} s, {len(ran)} happened, {len(ran) - len(set(ran))} twice, "
            f"{kills} kills")  # fmt: skip
    assert sorted(ran) == sorted(expected)
