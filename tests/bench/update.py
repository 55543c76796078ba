"""How long `forge update` takes, beside plain `copier update` of the same project."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from forge_cli import checkouts
from forge_cli.questions import template_root

from .new import BIN, ENVIRONMENT
from .report import Report

ROUNDS = 10
SOMEBODY = {f"GIT_{role}_{what}": "bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def _git(folder: Path, *command: str) -> None:
    subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True, env=os.environ | SOMEBODY)


def _project(folder: Path) -> tuple[Path, str]:
    """A committed project of the oldest release, with an edit, and the newest version of this checkout."""
    (folder / "releases").mkdir()
    releases = checkouts.copy(template_root(), folder / "releases")
    _git(folder, "clone", "--quiet", str(releases.path), "template")
    oldest, *_ = releases.releases().values()
    project = folder / "demo"
    made: list[str | Path] = [
        "new",
        project,
        "-y",
        "--no-git",
        "--template",
        folder / "template",
        "--vcs-ref",
        oldest.name,
    ]
    subprocess.run([BIN / "forge", *made], check=True, capture_output=True, env=ENVIRONMENT)
    with (project / "README.md").open("a") as readme:
        readme.write("\n## Ours\n")
    _git(project, "init", "--quiet")
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "-m", "Start")
    return project, releases.revision("HEAD").name


def _measure(folder: Path) -> tuple[dict[str, list[float]], str]:
    """The seconds of every run, the commands taking turns."""
    project, newest = _project(folder)
    template: list[str | Path] = ["--template", folder / "template", "--to", "HEAD"]
    commands: dict[str, list[str | Path]] = {
        "forge update": [BIN / "forge", "update", "--yes", *template],
        "forge update --dry-run": [BIN / "forge", "update", "--dry-run", *template],
        "forge check": [BIN / "forge", "check", "--template", folder / "template"],
        "copier update": [BIN / "copier", "update", "--defaults", "--quiet", "--vcs-ref", "HEAD"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(-1, ROUNDS):  # the first turn warms the caches
        for name, command in commands.items():
            copy = folder / "copy"
            shutil.copytree(project, copy)
            started = time.perf_counter()
            ran = subprocess.run(command, cwd=copy, check=False, capture_output=True, env=ENVIRONMENT | SOMEBODY)
            if turn >= 0:
                seconds[name].append(time.perf_counter() - started)
            assert ran.returncode in ({0, 4} if name == "forge check" else {0}), ran.stderr
            shutil.rmtree(copy)
    return seconds, newest


def measure(report: Report) -> None:
    """Add a table."""
    with tempfile.TemporaryDirectory() as name:
        seconds, newest = _measure(Path(name))
    report.say(f"## `forge update` from the oldest release to {newest}\n\n{ROUNDS} rounds, milliseconds")
    report.table(
        ["command", "min", "median"],
        [
            (f"`{name}`", f"{min(runs) * 1000:.0f}", f"{statistics.median(runs) * 1000:.0f}")
            for name, runs in seconds.items()
        ],
    )
