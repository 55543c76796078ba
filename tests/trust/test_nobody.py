"""The same attacks on a user who has no rights beyond their own, and whose files they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trust import projects, templates
from tests.trust.ground import Ground, is_orderly
from tests.trust.made import hostile_template, project_of
from tests.updates.conftest import content

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def template(ground_of_nobody: Ground) -> Path:
    return hostile_template(ground_of_nobody)


@pytest.fixture(scope="module")
def demo(ground_of_nobody: Ground, template: Path) -> Path:
    return project_of(ground_of_nobody, template)


@pytest.mark.parametrize("name", templates.ATTACKS)
def test_a_hostile_template_does_an_unprivileged_user_no_harm(
    ground_of_nobody: Ground, template: Path, tmp_path: Path, name: str
) -> None:
    ground, attack = ground_of_nobody, templates.ATTACKS[name]
    before = ground.outside()
    made = ground.work / tmp_path.name
    ran = ground.run("new", made, "-y", "--template", template, "--vcs-ref", templates.version(name))
    assert ground.outside() == before
    assert is_orderly(ran), ran.said
    assert (ran.code, made.exists()) == ((0, True) if attack.pointless else (1, False)), ran.said


@pytest.mark.parametrize("name", projects.ATTACKS)
def test_a_hostile_project_does_an_unprivileged_user_no_harm(
    ground_of_nobody: Ground, demo: Path, tmp_path: Path, name: str
) -> None:
    ground = ground_of_nobody
    project = Path(shutil.copytree(demo, ground.work / tmp_path.name / "demo", symlinks=True))
    projects.ATTACKS[name].carry_out(ground, project)
    ground.give(project.parent)
    before, inside, gits_own = ground.outside(), content(project), projects.programs(project)
    ran = ground.run("update", "--yes", folder=project)
    assert ground.outside() == before
    assert projects.programs(project) == gits_own
    assert is_orderly(ran), ran.said
    if ran.code in (1, 2):
        assert content(project) == inside
