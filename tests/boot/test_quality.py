"""A generated project of every database passes its own checks, as `make lint test` runs them.

Those of some databases pass them elsewhere: at the end of a team's first day, and as their pipeline runs them.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from forge_cli.questions import Answers
from tests.options import combinations, label
from tests.pipelines.test_servers import PROJECTS

from .first_day import TEAMS
from .project import Project, no_project_can_have_the_name_of_a_package, outside_environment

pytestmark = pytest.mark.boot

QUESTIONS = ("broker", "database", "result_backend", "beat", "auth", "flower", "docker")
CHECKS_SECONDS = 600.0

# What the Makefile's targets `lint` and `test` run, for a machine without make.
CHECKS = ["ruff check", "ruff format --check", "mypy", "pytest"]


def one_of_each_database() -> list[Answers]:
    """One project for each database, from the first combination of the other answers to the last."""
    everything = list(combinations(*QUESTIONS))
    databases = list(dict.fromkeys(answers["database"] for answers in everything))
    mixed = []
    for position, database in enumerate(databases):
        choices = [answers for answers in everything if answers["database"] == database]
        mixed.append(choices[position * (len(choices) - 1) // (len(databases) - 1)])
    return mixed


ELSEWHERE = {answers["database"] for answers in (*TEAMS, *PROJECTS)}
LEFT = [answers for answers in one_of_each_database() if answers["database"] not in ELSEWHERE]


@pytest.mark.parametrize("answers", LEFT, ids=label)
def test_a_generated_project_passes_its_own_checks(answers: Answers, tmp_path: Path) -> None:
    project = Project(tmp_path / "variant", answers)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").symlink_to(find_uv_bin())
    environment = outside_environment() | {"PATH": f"{programs}{os.pathsep}{os.defpath}"}
    project.uv("sync", "--quiet")
    no_project_can_have_the_name_of_a_package(project.root, answers)

    commands = (
        [["make", "lint", "test"]] if shutil.which("make") else [["uv", "run", *check.split()] for check in CHECKS]
    )
    for command in commands:
        done = subprocess.run(
            command,
            cwd=project.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CHECKS_SECONDS,
        )
        assert done.returncode == 0, f"`{' '.join(command)}` exited with {done.returncode}:\n{done.stdout}"
        ran = done.stdout
    assert " passed" in ran, f"pytest ran no test:\n{ran}"
