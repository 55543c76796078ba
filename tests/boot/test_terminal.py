"""`make dev` at a terminal that is closed."""

import os
import time
from pathlib import Path

import pexpect
import psutil
import pytest

from forge_cli.questions import Answers

from .polling import PATIENCE
from .project import Project, outside_environment
from .servers import free_port

pytestmark = pytest.mark.boot


def belonging_to(project: Path) -> list[psutil.Process]:
    """The processes that run in a project."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(project):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_nothing_runs_on_when_the_terminal_is_closed(tmp_path: Path) -> None:
    answers: Answers = {"project_name": "demo", "database": "sqlite", "flower": False, "docker": False}
    project = Project(tmp_path / "closed", answers)
    project.uv("sync", "--quiet")
    programs = project.root / ".venv" / "bin"
    terminal = pexpect.spawn(
        str(programs / "app"),
        ["dev", "--port", str(free_port())],
        cwd=str(project.root),
        env=outside_environment() | {"TERM": "dumb", "PATH": f"{programs}{os.pathsep}{os.defpath}"},
        timeout=60 * PATIENCE,
    )
    terminal.expect("ready.*startup complete|startup complete.*ready")
    assert len(belonging_to(project.root)) > 3

    os.close(terminal.child_fd)  # and no signal, but what the kernel sends then

    deadline = time.monotonic() + 30 * PATIENCE
    while left := belonging_to(project.root):
        if time.monotonic() > deadline:
            commands = [" ".join(process.cmdline()) for process in left]
            for process in left:
                process.kill()
            pytest.fail(f"still running: {commands}")
        time.sleep(0.1)
