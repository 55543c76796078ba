"""From each release to the next, and from the last one to the working tree, with what a team has changed."""

from __future__ import annotations

import difflib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from forge_cli import answers_file, destinations, questions
from tests.options import ALONE, STRUCTURE, default
from tests.updates.conftest import WORKING, Forge, Project, Template, commit, git, make_project
from tests.updates.edits import SECRETS

LOCK = "version = 1\n"
OWNED = ("app/api.py", "app/core/queues.py", "app/core/schedule.py", "app/models.py", "app/tasks/example_task.py")
VARIANTS = [
    pytest.param({}, id="default"),
    *(
        pytest.param({question.name: value}, id=f"{question.name}-{value}", marks=pytest.mark.matrix)
        for question in questions.asked()
        if question.name in {*STRUCTURE, *ALONE}
        for value in question.values
        if value != default(question.name)
    ),
]


@pytest.mark.parametrize("answers", VARIANTS)
def test_every_edit_survives_an_update_and_the_rest_is_what_a_new_project_has(
    answers: dict[str, str | bool], forge: Forge, project: Project, source: Template, tmp_path: Path
) -> None:
    steps = [*source.releases, WORKING]
    for old, new in pairwise(steps):
        changed = git(source.path, "diff", "--name-only", old, new, "--", "copier.yml", "template")
        if not (changed and _asked(old, source, answers)):
            continue
        mine = project(old, **answers)
        (mine / "uv.lock").write_text(LOCK)
        commit(mine)
        ours = _patch(project(old, edited=False, **answers), mine)
        kept = {path: (mine / path).read_bytes() for path in OWNED if (mine / path).exists()}
        after = tmp_path / new / "demo"
        make_project(forge, after, source.path, new, answers)

        ran = forge("update", mine, "--to", new, "--yes")

        assert (ran.code, ran.err) == (0, ""), ran.out
        assert {path: (mine / path).read_bytes() for path in kept} == kept
        assert _not_owned(_patch(after, mine)) == _not_owned(ours)
        assert ((mine / ".env").read_text(), (mine / "uv.lock").read_text()) == (SECRETS, LOCK)
        recorded, fresh = (answers_file.read(folder) for folder in (mine, after))
        assert (recorded.version, recorded.answers) == (fresh.version, fresh.answers)
        assert "secret" not in (mine / answers_file.NAME).read_text()


def _asked(version: str, source: Template, answers: dict[str, str | bool]) -> bool:
    """Whether a version of the template has these questions."""
    config = git(source.path, "show", f"{version}:copier.yml")
    return all(f"\n{name}:" in config for name in answers)


def _not_owned(patches: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    return {path: lines for path, lines in patches.items() if path not in OWNED}


def _lines(file: Path) -> list[str] | None:
    return file.read_text().splitlines() if file.exists() else None


def _patch(before: Path, after: Path) -> dict[str, Counter[str]]:
    """What was added to and removed from each file, wherever in it."""
    names = {path for folder in (before, after) for path in destinations.files(folder) if not path.startswith(".git/")}
    patches = {}
    for name in names - {answers_file.NAME}:
        old, new = (
            (folder / name).read_text().splitlines() if (folder / name).exists() else None for folder in (before, after)
        )
        if old != new:
            lines = difflib.unified_diff(old or [], new or [], n=0, lineterm="")
            patches[name] = Counter(line for line in lines if not line.startswith(("@@", "---", "+++")))
            patches[name]["there"] = new is not None
    return patches
