"""How long `forge` takes, beside `copier copy` of the same template."""

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from forge_cli.questions import template_root

from .report import Report

ROUNDS = 15
BIN = Path(sysconfig.get_path("scripts"))
# As users have it: Python keeps its bytecode.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _commands(folder: Path) -> dict[str, list[str]]:
    """What is timed, by what it is called in the table."""
    template = folder / "template"
    subprocess.run(["cp", "-r", template_root() / "copier.yml", template_root() / "template", template], check=True)
    copier: list[str | Path] = [BIN / "copier", "copy", "--quiet", "--defaults", "--data", "project_name=demo"]
    forge: list[str | Path] = [BIN / "forge", "new", "--defaults"]
    named: dict[str, list[str | Path]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "forge --help": [BIN / "forge", "--help"],
        "forge options --json": [BIN / "forge", "options", "--json"],
        "forge new --no-git": [*forge, "--no-git"],
        "forge new": forge,
        "copier copy (a plain directory)": [*copier, template],
        "copier copy (without git in its PATH)": ["env", "PATH=/nonexistent", *copier, template],
    }
    return {name: [str(part) for part in command] for name, command in named.items()}


def _measure(folder: Path) -> dict[str, list[float]]:
    """The seconds of every run of every command, the commands taking turns so that a slow moment hits them all."""
    (folder / "template").mkdir()
    timed = _commands(folder)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(-1, ROUNDS):  # the first turn warms the caches
        for name, command in timed.items():
            makes = {"new", "copy"} & set(command)
            place = [str(Path(tempfile.mkdtemp(dir=folder), "demo"))] if makes else []
            started = time.perf_counter()
            subprocess.run([*command, *place], check=True, capture_output=True, env=ENVIRONMENT)
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def measure(report: Report) -> None:
    """Add a table."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = _measure(Path(folder))
    report.say(f"## `forge new`\n\n{ROUNDS} rounds, milliseconds")
    report.table(
        ["command", "min", "median"],
        [
            (f"`{name}`", f"{min(runs) * 1000:.0f}", f"{statistics.median(runs) * 1000:.0f}")
            for name, runs in seconds.items()
        ],
    )
