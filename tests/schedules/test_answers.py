"""Answers of the store are lost: what was done is not done again, and nobody is told that somebody else did it."""

import json
import re

import pytest

from tests.faults.stage import lines

from .relay import LossyRelay
from .stage import NOTE, Stage
from .test_schedules import expect_runs

pytestmark = pytest.mark.faults

# What changes a schedule, and what makes that last.
REQUESTS = {
    "redis": (rb"EVAL", rb"EVAL"),
    "postgresql": (rb"(INSERT INTO|UPDATE|DELETE FROM) schedules", rb"COMMIT"),
    "mysql": (rb"(INSERT INTO|UPDATE|DELETE FROM) schedules", rb"COMMIT"),
}

# In one process: importing the project takes longer than the rest.
COMMANDS = """
from app.cli import cli

for arguments in {commands!r}:
    cli(["schedules", *arguments], standalone_mode=False)
"""


def through(stage: Stage, relay: LossyRelay) -> dict[str, str]:
    """Return the variables that lead a process to the store through a relay."""
    name = "SCHEDULE_STORE_URL" if "store" in stage.servers else "DATABASE_URL"
    return {name: stage.environment[name].replace(f"127.0.0.1:{stage.store.port}", f"127.0.0.1:{relay.port}")}


def test_an_operator_whose_answers_are_lost_has_what_he_asked_for(stage: Stage) -> None:
    path = stage.path()
    add = ["add", "mine", "--task", NOTE, "--every", "1", "--kwargs", json.dumps({"path": str(path)})]
    edit = ["edit", "mine", "--priority", "7"]
    changes = [add, edit, ["disable", "mine"], ["enable", "mine"], ["remove", "mine"]]
    with LossyRelay(stage.store.port, *REQUESTS[stage.store.name]) as relay:
        told = stage.script(COMMANDS.format(commands=changes), **through(stage, relay))

    assert relay.lost == len(changes)
    assert [re.split(r"[;. ]", line)[0] for line in told.splitlines()] == [
        "Added",
        "Changed",
        "Disabled",
        "Enabled",
        "Removed",
    ]
    stage.call("GET", "mine", expected=404)


@pytest.mark.on("redis", "postgresql")
def test_a_scheduler_whose_answers_are_lost_sends_each_run_once(stage: Stage) -> None:
    traces = stage.path()
    stage.add("steady", traces)
    with LossyRelay(stage.store.port, *REQUESTS[stage.store.name]) as relay:
        beat = stage.start_scheduler(**through(stage, relay))
        expect_runs(traces, 5)
        beat.kill()

    assert relay.lost > 2
    assert set(stage.expected("steady")) <= set(lines(traces))
    assert len(lines(traces)) == len(set(lines(traces)))
