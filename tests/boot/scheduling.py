"""The promises about schedules and backups that a booted variant keeps, if it has them."""

import json
from pathlib import Path

from .booted import Booted
from .polling import wait_for


def schedules(booted: Booted) -> None:
    """A schedule that an operator adds runs, and no more when it is disabled; the list tells when it ran."""
    if not booted.variant.edits_schedules:
        return
    ticks = booted.directory / "added-ticks"
    app = ("python", "-m", "app", "schedules")
    arguments = json.dumps({"path": str(ticks)})
    booted.command(*app, "add", "added", "--task", "app.tasks.boot_probe.tick", "--every", "1", "--kwargs", arguments)
    wait_for("the schedule has run twice", lambda: _ticks(ticks) >= 2, within=20)
    assert "added" in booted.command(*app, "list")
    booted.command(*app, "disable", "added")


def backups(booted: Booted) -> None:
    """A backup is made, listed, and holds what a drill finds again."""
    if not booted.variant.has_backup:
        return
    booted.command("python", "-m", "app", "backup")
    [backup] = booted.variant.backups(booted.directory).glob("*.gz")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.name in booted.command("python", "-m", "app", "backups")


def _ticks(path: Path) -> int:
    return path.read_text().count("tick") if path.exists() else 0
