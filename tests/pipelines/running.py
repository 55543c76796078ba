"""Running a script of a pipeline as its service does."""

import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from tests.boot.project import outside_environment

STEP_SECONDS = 900.0  # with a cold cache, the first one installs everything


def step(script: str, project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a project, on a machine with Python, uv and what every system has."""
    shell = "sh" if (project / ".gitlab-ci.yml").exists() else "bash"
    programs = project.parent / "bin"
    if not programs.exists():
        programs.mkdir()
        (programs / "uv").symlink_to(find_uv_bin())
        (programs / "python3").symlink_to(Path(sys.executable).resolve())
    return subprocess.run(
        [shell, "-e", "-c", script],
        cwd=project,
        env=outside_environment() | {"PATH": f"{programs}{os.pathsep}{os.defpath}"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_SECONDS,
    )
