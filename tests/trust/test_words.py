"""What others have written into files that Forge reads: whatever it is, a command ends with a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trust.ground import Ground, is_orderly
from tests.trust.made import project_of
from tests.trust.words import ANSWERS, TEMPLATE
from tests.updates.small import CHANGES, FIRST


@pytest.fixture(scope="module")
def template(ground: Ground) -> Path:
    """A template with an honest release, and one for each oddity."""
    place = ground.root / "template"
    ground.release(place, "v1.0.0", FIRST)
    for number, files in enumerate(TEMPLATE.values(), 1):
        ground.release(place, f"v1.0.{number}", {**FIRST, **files})
    ground.release(place, "v1.1.0", {**FIRST, **CHANGES})
    ground.give(place)
    return place


@pytest.fixture(scope="module")
def demo(ground: Ground, template: Path) -> Path:
    return project_of(ground, template)


def assert_orderly(ground: Ground, *command: str | Path, folder: Path | None = None) -> None:
    before = ground.outside()
    ran = ground.run(*command, folder=folder)
    assert is_orderly(ran), ran.said
    assert "\x1b" not in ran.said
    assert ground.outside() == before
    if ran.code in (1, 2) and command[0] != "doctor":
        assert len([line for line in ran.said.splitlines() if line.startswith("error: ")]) == 1, ran.said
        assert len(ran.said) < 2000


@pytest.mark.matrix
@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_project_records_a_command_ends_with_a_sentence(
    ground: Ground, template: Path, demo: Path, tmp_path: Path, name: str
) -> None:
    project = Path(shutil.copytree(demo, ground.work / tmp_path.name))
    recorded = ANSWERS[name].replace("{template}", str(template))
    (project / ".copier-answers.yml").write_text(recorded)
    ground.git(project, "commit", "--quiet", "--all", "--allow-empty", "--message", "Record")
    ground.give(project)
    for command in (["check"], ["update", "--yes"], ["set", "extra=yes", "--dry-run"], ["doctor"]):
        assert_orderly(ground, *command, folder=project)


@pytest.mark.matrix
@pytest.mark.parametrize("name", TEMPLATE)
def test_whatever_a_template_says_a_command_ends_with_a_sentence(
    ground: Ground, template: Path, demo: Path, tmp_path: Path, name: str
) -> None:
    version = f"v1.0.{list(TEMPLATE).index(name) + 1}"
    project = Path(shutil.copytree(demo, ground.work / tmp_path.name / "demo"))
    ground.give(project.parent)
    # The directory is named after what the template computes of the name.
    new: list[str | Path] = ["new", "-y", "--project-name", "made", "--template", template, "--vcs-ref", version]
    assert_orderly(ground, *new, folder=project.parent)
    assert_orderly(ground, "update", "--to", version, "--yes", folder=project)
    answers = project / ".copier-answers.yml"
    if answers.exists():
        answers.write_text(answers.read_text().replace("v1.0.0", version))
    ground.git(project, "add", "--all")
    ground.git(project, "commit", "--quiet", "--allow-empty", "--message", "Record")
    ground.give(project)
    assert_orderly(ground, "check", folder=project)
