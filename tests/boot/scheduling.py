"""The promises about schedules and backups that a booted variant keeps, if it has them."""

import json
from pathlib import Path
from typing import Any

from .booted import Booted
from .client import said
from .polling import wait_for

TICK = "app.tasks.boot_probe.tick"
# In one process: importing the project takes longer than the rest.
BACKUP = """
from app.cli import cli

cli(["backup"], standalone_mode=False)
cli(["backups"], standalone_mode=False)
"""


def schedules(booted: Booted) -> None:
    """A schedule that an operator adds while the scheduler runs is run, again and again, until it is disabled."""
    if not booted.variant.edits_schedules:
        return
    ticks = booted.directory / "added-ticks"
    arguments = {"path": str(ticks)}
    if booted.credential.admin is None:
        _command(booted, "add", "added", "--task", TICK, "--every", "1", "--kwargs", json.dumps(arguments))
    else:
        for path in ("/schedules", "/schedules/boot-tick"):
            refused = booted.api.http.get(path)
            assert refused.status_code == 403, said(refused)
        _ask(booted, "POST", "", {"name": "added", "task": TICK, "when": {"every": 1}, "kwargs": arguments})
    wait_for("the schedule has run twice", lambda: _ticks(ticks) >= 2, within=20)
    if booted.credential.admin is None:
        _command(booted, "disable", "added")
    else:
        found = {each["name"]: each for each in _ask(booted, "GET", "")}
        assert {"added", "boot-tick"} <= found.keys(), found
        assert found["added"]["last_task_id"], found
        assert _ask(booted, "POST", "/added/disable")["state"] == "disabled"


def backups(booted: Booted) -> None:
    """A backup is made, by the database's own tool, and listed as whole."""
    if not booted.variant.has_backup:
        return
    listed = booted.command("python", "-c", BACKUP).splitlines()[-1]
    [backup] = booted.variant.backups(booted.directory).glob("*.gz")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert listed.startswith(backup.name), listed
    assert listed.endswith("  ok"), listed


def _command(booted: Booted, *arguments: str) -> str:
    return booted.command("python", "-m", "app", "schedules", *arguments)


def _ask(booted: Booted, method: str, path: str, body: object = None) -> Any:
    answer = booted.api.http.request(method, f"/schedules{path}", json=body, headers=booted.credential.admin)
    assert answer.is_success, said(answer)
    return answer.json()


def _ticks(path: Path) -> int:
    return path.read_text().count("tick") if path.exists() else 0
