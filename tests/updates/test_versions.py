"""From each release straight to the working tree, with what a team has changed."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path

import pytest

from forge_cli import answers_file, destinations
from forge_cli.questions import Answers
from tests.options import STRUCTURE, covering, label
from tests.updates.conftest import WORKING, Forge, Project, Template, commit, git, make_project
from tests.updates.edits import SECRETS

LOCK = "version = 1\n"
OWNED = ("app/api.py", "app/core/queues.py", "app/core/schedule.py", "app/models.py", "app/tasks/example_task.py")
# The first is what one gets by default.
VARIANTS = [
    pytest.param(answers, id=label(answers), marks=[pytest.mark.matrix] if number else [])
    for number, answers in enumerate(covering(*STRUCTURE))
]


@pytest.mark.parametrize("answers", VARIANTS)
def test_every_edit_survives_an_update_and_the_rest_is_what_a_new_project_has(
    answers: Answers, forge: Forge, project: Project, source: Template, tmp_path: Path
) -> None:
    for release in source.outdated:
        given = _asked(release, source, answers)
        mine = project(release, **given)
        (mine / "uv.lock").write_text(LOCK)
        commit(mine)
        ours = _patch(project(release, edited=False, **given), mine)
        kept = {path: (mine / path).read_bytes() for path in OWNED if (mine / path).exists()}
        after = tmp_path / f"after-{release}" / "demo"
        make_project(forge, after, source.path, WORKING, given)

        ran = forge("update", mine, "--to", WORKING, "--yes")

        assert (ran.code, ran.err) == (0, ""), ran.out
        assert {path: (mine / path).read_bytes() for path in kept} == kept
        assert _not_owned(_patch(after, mine)) == _not_owned(ours)
        assert ((mine / ".env").read_text(), (mine / "uv.lock").read_text()) == (SECRETS, LOCK)
        recorded, fresh = (answers_file.read(folder) for folder in (mine, after))
        assert (recorded.version, recorded.answers) == (fresh.version, fresh.answers)
        assert "secret" not in (mine / answers_file.NAME).read_text()


def _asked(version: str, source: Template, answers: Answers) -> Answers:
    """The answers to the questions that a version of the template asks."""
    config = git(source.path, "show", f"{version}:copier.yml")
    return {name: value for name, value in answers.items() if f"\n{name}:" in config}


def _not_owned(patches: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    return {path: lines for path, lines in patches.items() if path not in OWNED}


def _lines(file: Path) -> list[str] | None:
    return file.read_text().splitlines() if file.exists() else None


def _patch(before: Path, after: Path) -> dict[str, Counter[str]]:
    """What was added to and removed from each file, wherever in it; of a file that was deleted, only that it was."""
    names = {path for folder in (before, after) for path in destinations.files(folder) if not path.startswith(".git/")}
    patches = {}
    for name in names - {answers_file.NAME}:
        old, new = (_lines(folder / name) for folder in (before, after))
        if old != new:
            # Each release has other lines to delete with a file.
            lines = difflib.unified_diff(old or [], new, n=0, lineterm="") if new is not None else ()
            patches[name] = Counter(line for line in lines if not line.startswith(("@@", "---", "+++")))
            patches[name]["there"] = new is not None
    return patches
