"""`copier update` without Forge, on the same projects."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.updates.conftest import WORKING, Forge, Project, Template, content, git

COPIER = [sys.executable, "-m", "copier", "update", "--defaults", "--quiet"]

pytestmark = pytest.mark.matrix


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copier commits in repositories of its own."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.com")


def test_where_nothing_is_in_the_way_forge_and_copier_do_the_same(
    forge: Forge, project: Project, source: Template, tmp_path: Path
) -> None:
    """Without `--trust`: copier refuses templates that run code."""
    mine = project(source.last)
    plain = tmp_path / "plain"
    shutil.copytree(mine, plain, symlinks=True)
    version = git(source.path, "describe", "--tags", WORKING)

    subprocess.run([*COPIER, "--vcs-ref", WORKING, plain], check=True, timeout=120)
    assert forge("update", mine, "--to", WORKING, "--yes").code == 0

    by_forge, by_copier = content(mine), content(plain)
    assert by_forge.keys() == by_copier.keys()
    different = {path for path in by_forge if by_forge[path] != by_copier[path]}
    # Copier names the version as git does, Forge after the release that has the same template.
    assert different <= {".copier-answers.yml"}
    assert f"_commit: {version}" in (plain / ".copier-answers.yml").read_text()


def test_forge_goes_on_from_where_copier_ended(forge: Forge, project: Project, source: Template) -> None:
    mine = project(source.last)
    subprocess.run([*COPIER, "--vcs-ref", WORKING, mine], check=True, timeout=120)
    subprocess.run(["git", "-C", mine, "commit", "--quiet", "--all", "-m", "Update"], check=True)
    checked = forge("check", mine)
    assert checked.code == 0, checked.out + checked.err
    assert forge("update", mine, "--to", WORKING).code == 0
