"""A project that one wheel made is updated by the next one, with no network and no repository of Forge in reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.cli.origins import (
    UNRELEASED,
    build,
    call,
    change,
    clone,
    commit,
    copy_of_the_tree,
    install,
    recorded,
    release,
    works,
)
from tests.updates.edits import append

pytestmark = pytest.mark.matrix


def offline(folder: Path, *args: str | Path, cwd: Path) -> Ran:
    """`forge` as it is installed in a directory, cut off from every network where the machine allows that."""

    cut = (
        ["unshare", "--net"] if not subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode else []
    )
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}
    return call(*cut, sys.executable, "-m", "forge_cli", *args, cwd=cwd, env={"PYTHONPATH": str(folder), **nowhere})


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forge 1.0.0 and 1.1.0, each installed from a wheel that was built when it was new; the repository is gone."""
    folder = tmp_path_factory.mktemp("wheels")
    origin = copy_of_the_tree(folder / "origin")
    (origin / "generator" / "releases.txt").write_text("")
    (origin / "CHANGELOG.md").write_text(f"# Changelog\n\n{UNRELEASED}")
    works("git", "init", "--quiet", "--initial-branch", "main", cwd=origin)
    installed = []
    for version, greeting in (("1.0.0", "Hello."), ("1.1.0", "Welcome.")):
        change(origin, greeting)
        made = release(origin, version)
        assert made.code == 0, made.err
        checkout = clone(origin, folder / f"clone-{version}", "--branch", f"v{version}")
        wheel, _ = build(checkout, folder / f"dist-{version}", "--wheel")
        installed.append(install(wheel, folder / f"forge-{version}"))
        shutil.rmtree(checkout)
    shutil.rmtree(origin)
    return installed[0], installed[1]


def test_a_project_of_the_last_wheel_is_updated_offline(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    last, newest = wheels
    made = offline(last, "new", "demo", "-y", cwd=tmp_path)
    assert made.code == 0, made.err
    project = tmp_path / "demo"
    origin = recorded(project)[1]
    assert recorded(project)[0] == "_commit: v1.0.0"
    append(project / "README.md", "\nOurs.\n")
    commit(project, "Edit")
    assert offline(last, "check", project, cwd=tmp_path).code == 0

    behind = offline(newest, "check", project, cwd=tmp_path)
    assert behind.code == 4
    assert "The greeting." in behind.out
    ran = offline(newest, "update", "--yes", cwd=project)

    assert (ran.code, ran.err) == (0, "")
    assert recorded(project) == ["_commit: v1.1.0", origin]
    assert (project / "greeting.txt").read_text() == "Welcome.\n"
    assert (project / "README.md").read_text().endswith("\nOurs.\n")
    commit(project, "Update")
    assert offline(newest, "check", cwd=project).code == 0
    assert offline(newest, "set", "flower=no", "--yes", cwd=project).code == 0


def test_an_older_wheel_says_that_it_is_older(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    last, newest = wheels
    assert offline(newest, "new", "demo", "-y", cwd=tmp_path).code == 0
    ran = offline(last, "update", "--yes", cwd=tmp_path / "demo")
    assert ran.code == 1
    assert ran.err == (
        "error: The project was made from version v1.1.0 of the template, and this Forge goes up to v1.0.0. Install a "
        "newer Forge, or say where it is, with --template.\n"
    )
