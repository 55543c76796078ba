"""What is given to `make` reaches the programs that it runs as it was given, and runs nothing itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Render

ROOT = Path(__file__).parents[1]
# In place of a program: what it was given.
TOLD = '#!/bin/sh\nprintf "%s\\n" "$ENVIRONMENT" "$@" > "$TOLD"\n'
HOSTILE = [
    'x"; touch trace; echo "',
    "x'; touch trace; '",
    "1; touch trace",
    "$(shell touch trace)",
    "$(touch trace)",
    "$$(touch trace)",
    "`touch trace`",
    "-x && touch trace",
    "costs $5 \\",
]


@pytest.fixture(scope="module")
def project(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, as far as `make` is concerned."""
    place = tmp_path_factory.mktemp("made")
    shutil.copy(render({"project_name": "Demo Project"}) / "Makefile", place)
    return place


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository, as far as `make` is concerned."""
    place = tmp_path_factory.mktemp("forge")
    shutil.copy(ROOT / "Makefile", place)
    for program in (".venv/bin/python", "generator/bootstrap"):
        _program(place / program)
    return place


def made(place: Path, *arguments: str, **environment: str) -> list[str]:
    """Run `make`; return the value of ENVIRONMENT and the arguments that the last program was given."""
    for name in ("uv", "python3"):
        _program(place / "programs" / name)
    told = place / "told"
    path = f"{place}/programs{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "--silent", *arguments],
        cwd=place,
        env={"PATH": path, "TOLD": str(told), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (place / "trace").exists()
    return told.read_text().splitlines()


def _program(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOLD)
    path.chmod(0o755)


@pytest.mark.parametrize("text", HOSTILE)
def test_an_argument_is_passed_and_not_run(text: str, project: Path, forge: Path) -> None:
    assert made(project, "dev", f"PORT={text}")[-1] == f"--port={text}"
    assert made(project, "migration", f"MESSAGE={text}")[-1] == f"--message={text}"
    assert made(forge, "release", f"VERSION={text}")[-1] == text
    assert made(forge, "bench", f"NAMES={text}")[1:] == ["-m", "tests.bench", *text.split()]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_variable_of_the_environment_is_passed_and_not_run(text: str, project: Path, forge: Path) -> None:
    assert made(project, "dev", PORT=text)[-1] == f"--port={text}"
    assert made(project, "migration", MESSAGE=text)[-1] == f"--message={text}"
    assert made(project, "migrate", ENVIRONMENT=text)[0] == text
    assert made(project, "migrate", f"ENVIRONMENT={text}")[0] == text
    assert made(forge, "release", VERSION=text)[-1] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_dot_env_is_passed_and_not_run(text: str, project: Path) -> None:
    (project / ".env").write_text(f"ENVIRONMENT={text}\n")

    try:
        assert made(project, "migrate")[0] == text
    finally:
        (project / ".env").unlink()


def test_the_defaults_hold(project: Path) -> None:
    assert made(project, "dev")[-1] == "--port=8000"
    assert made(project, "migrate")[0] == "development"
