"""What a project from somebody else tries, in every command of Forge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trust.ground import Ground, is_orderly
from tests.trust.made import honest_template, project_of
from tests.trust.projects import ATTACKS, programs
from tests.updates.conftest import content

matrix = pytest.mark.matrix
QUICK = [["check"]]
OTHERS = [
    ["update", "--yes"],
    ["update", "--dry-run"],
    ["update", "--abort"],
    ["update", "--continue"],
    ["set", "extra=yes", "--yes"],
    ["doctor"],
]


@pytest.fixture(scope="module")
def template(ground: Ground) -> Path:
    return honest_template(ground)


@pytest.fixture(scope="module")
def demo(ground: Ground, template: Path) -> Path:
    return project_of(ground, template)


@pytest.fixture
def project(ground: Ground, demo: Path, tmp_path: Path) -> Path:
    """A copy of the project for one test."""
    return Path(shutil.copytree(demo, ground.work / tmp_path.name / "demo", symlinks=True))


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("command", [*QUICK, *(pytest.param(other, marks=matrix) for other in OTHERS)], ids=" ".join)
def test_a_project_of_somebody_else_does_no_harm(ground: Ground, project: Path, name: str, command: list[str]) -> None:
    ATTACKS[name].carry_out(ground, project)
    ground.give(project)
    before, inside, gits_own = ground.outside(), content(project), programs(project)
    ran = ground.run(*command, folder=project)
    assert ground.outside() == before
    assert programs(project) == gits_own
    assert is_orderly(ran), ran.said
    if "--dry-run" in command or ran.code in (1, 2):
        assert content(project) == inside
