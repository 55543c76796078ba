"""A machine without settings of its own, and the command as a user runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import forge_cli
from forge_cli import templates
from forge_cli.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Forge = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory to work in, no identity for git, no settings for Copier."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "gitconfig").touch()
    (home / "copier.yml").write_text("{}\n")
    for name in os.environ:
        if name.startswith(("GIT_", "COPIER_", "FORGE_")) or name == "EMAIL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(home / "copier.yml"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Forge as it is here, with two releases and a commit since, to be read only."""
    from .origins import make_origin

    return make_origin(tmp_path_factory.mktemp("origin") / "forge")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def forge(capsys: pytest.CaptureFixture[str]) -> Forge:
    """`forge` in this process, where Copier needs to be imported only once."""

    def run(*args: str | Path) -> Ran:
        capsys.readouterr()
        code = main(list(map(str, args)))
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of Forge whose template is one file, to be changed by a test."""
    copy = tmp_path / "checkout"
    shutil.copytree(
        Path(forge_cli.__file__).parent, copy / "generator" / "forge_cli", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "copier.yml", copy)
    (copy / "template").mkdir()
    (copy / "template" / "README.md.jinja").write_text("# {{ project_name }}\n")
    return copy


def command(*args: str | Path, checkout: Path | None = None) -> list[str]:
    """The command line of the installed `forge`, or of the one in a checkout."""
    if checkout is None:
        return [str(Path(sys.executable).parent / "forge"), *map(str, args)]
    return ["env", f"PYTHONPATH={checkout / 'generator'}", sys.executable, "-m", "forge_cli", *map(str, args)]


def run(*args: str | Path, checkout: Path | None = None, **env: str) -> Ran:
    """`forge` in a process of its own, with nobody at the terminal."""
    done = subprocess.run(
        command(*args, checkout=checkout),
        capture_output=True,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **env},
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def template() -> templates.Template:
    """The template under test, which may have uncommitted changes, or no history."""
    with templates.chosen(None, None) as found:
        return found


def git(folder: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def tree(folder: Path) -> list[str]:
    """Everything in a directory, hidden or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
