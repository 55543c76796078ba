"""What a hostile template tries, in every command that renders it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trust.ground import Content, Ground, Ran, is_orderly
from tests.trust.made import hostile_template, project_of
from tests.trust.templates import ATTACKS, Attack, version
from tests.updates.conftest import content

attacks = pytest.mark.parametrize("name", ATTACKS)
matrix = pytest.mark.matrix


@pytest.fixture(scope="module")
def template(ground: Ground) -> Path:
    return hostile_template(ground)


@pytest.fixture(scope="module")
def demo(ground: Ground, template: Path) -> Path:
    return project_of(ground, template)


@pytest.fixture
def place(ground: Ground, tmp_path: Path) -> Path:
    """A directory for one test."""
    folder = ground.work / tmp_path.name
    folder.mkdir()
    ground.give(folder)
    return folder


def copied(ground: Ground, demo: Path, place: Path, recorded: str) -> Path:
    """A copy of the project that says it was made from another version."""
    project = place / "demo"
    ground.git(place, "clone", "--quiet", str(demo), str(project))
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("v1.0.0", recorded) + "shell: '@RUN@'\n")
    ground.git(project, "commit", "--quiet", "--all", "--message", "Say another version")
    ground.give(project)
    return project


def assert_harmless(ran: Ran, attack: Attack, ground: Ground, before: Content) -> None:
    """Assert that nothing has run or changed, and that one sentence says why."""
    assert ground.outside() == before
    assert is_orderly(ran), ran.said
    if attack.pointless:
        assert ran.code in (0, 3, 4), ran.said
        return
    assert ran.code in (1, 2), ran.said
    [error] = [line for line in ran.said.splitlines() if line.startswith("error: ")]
    assert attack.says in error


@attacks
@pytest.mark.parametrize(
    "options",
    [[], *(pytest.param([option], marks=matrix) for option in ("--no-git", "--dry-run", "--force"))],
    ids=" ".join,
)
def test_making_a_project_does_no_harm(
    ground: Ground, template: Path, place: Path, name: str, options: list[str]
) -> None:
    attack = ATTACKS[name]
    if "--force" in options:
        ground.write(place / "made", {"notes.md": "mine\n"})
        ground.give(place)
    before, inside = ground.outside(), content(place)
    ran = ground.run("new", place / "made", "-y", "--template", template, "--vcs-ref", version(name), *options)
    assert_harmless(ran, attack, ground, before)
    assert attack.pointless or content(place) == inside


@attacks
@pytest.mark.parametrize("option", ["--dry-run", "--yes"])
@matrix
def test_an_update_to_it_does_no_harm(
    ground: Ground, template: Path, demo: Path, place: Path, name: str, option: str
) -> None:
    attack = ATTACKS[name]
    project = demo if option == "--dry-run" else copied(ground, demo, place, "v1.0.0")
    before, inside = ground.outside(), content(project)
    ran = ground.run("update", project, "--to", version(name), "--template", template, option)
    assert_harmless(ran, attack, ground, before)
    assert attack.pointless or content(project) == inside


@attacks
@pytest.mark.parametrize("command", [["check"], ["update", "--yes"], ["set", "extra=yes", "--yes"]], ids=" ".join)
@matrix
def test_a_project_that_says_it_was_made_from_it_does_no_harm(
    ground: Ground, demo: Path, place: Path, name: str, command: list[str]
) -> None:
    attack = ATTACKS[name]
    project = copied(ground, demo, place, version(name))
    before, inside = ground.outside(), content(project)
    ran = ground.run(*command, folder=project)
    assert_harmless(ran, attack, ground, before)
    assert attack.pointless or content(project) == inside
