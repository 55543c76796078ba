"""The first day of a team, as the README of its project describes it."""

import os
import shutil
from pathlib import Path

import pytest
from uv import find_uv_bin

from forge_cli.questions import Answers
from tests.options import label

from .first_day import TEAMS, FirstDay
from .project import Project, no_project_can_have_the_name_of_a_package, outside_environment
from .servers import free_port

# Everything that a shell, make, an address or a file of settings could take for its own.
FOLDER = 'C# "co" & it\'s; $HOME @[1] (é)'

pytestmark = [pytest.mark.boot, pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")]


@pytest.mark.parametrize("answers", TEAMS, ids=label)
def test_what_the_readme_says_works_and_passes_the_checks(answers: Answers, tmp_path: Path) -> None:
    project = Project(tmp_path / FOLDER, {"project_name": "demo", **answers})
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").symlink_to(find_uv_bin())
    environment = outside_environment() | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    day = FirstDay(project.root, environment, free_port(), tmp_path / "dev.log")

    day.run("make lint")
    day.follow()

    assert {"app/tasks/images.py", "app/api.py", "tests/test_images.py"} <= set(day.written)
    if "make migrate" in (project.root / "README.md").read_text():
        day.run(".venv/bin/ruff check migrations && .venv/bin/ruff format --check migrations")
    day.run("make format")
    day.run("make lint test")
    no_project_can_have_the_name_of_a_package(project.root, {"project_name": "demo", **answers})
