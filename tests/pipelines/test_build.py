"""The pipeline's job that builds the image, as far as this machine has Docker."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.options import label, render
from tests.test_stack import STACKS, reason_to_skip

from .reading import jobs


def has_compose() -> bool:
    """Whether there is `docker compose`, which reads its file without an engine."""
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    )


def build(project: Path, scripts: list[str]) -> None:
    """Run scripts of the job as its service does."""
    for script in scripts:
        done = subprocess.run(["sh", "-e", "-c", script], cwd=project, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@pytest.mark.skipif(not has_compose(), reason="there is no `docker compose`")
@pytest.mark.parametrize("answers", STACKS, ids=label)
def test_compose_yaml_is_sound_with_the_example_of_the_environment(
    answers: dict[str, str | bool], tmp_path: Path
) -> None:
    project = render(answers, tmp_path / "project")
    *before, last = jobs(project)["build"].scripts

    assert last == "docker compose build"
    build(project, before)


@pytest.mark.stack
@pytest.mark.parametrize("answers", STACKS, ids=label)
def test_the_image_is_built(answers: dict[str, str | bool], tmp_path: Path) -> None:
    project = render(answers, tmp_path / "project")
    if reason := reason_to_skip(project):
        pytest.skip(reason)

    build(project, jobs(project)["build"].scripts)
