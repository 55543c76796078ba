"""Every option is switched in a project with edits, and switched back."""

from __future__ import annotations

import json

import pytest

from forge_cli import questions
from tests.updates.conftest import WORKING, Forge, Project, commit, git

SWITCHES = [
    pytest.param(question.name, value, marks=() if question.name in ("flower", "broker") else pytest.mark.matrix)
    for question in questions.asked()
    for value in question.values[1:]
]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(("name", "value"), SWITCHES)
def test_an_option_that_is_switched_and_switched_back_leaves_the_project_as_it_was(
    name: str, value: str | bool, forge: Forge, project: Project
) -> None:
    mine = project(WORKING)
    before = git(mine, "rev-parse", "HEAD^{tree}")
    default = questions.questions()[name].values[0]

    there = forge("set", mine, f"{name}={str(value).lower()}", "--yes")
    assert (there.code, there.err) == (0, ""), there.out
    commit(mine)
    assert git(mine, "rev-parse", "HEAD^{tree}") != before
    back = forge("set", mine, f"{name}={str(default).lower()}", "--yes")
    assert (back.code, back.err) == (0, ""), back.out
    commit(mine)

    assert git(mine, "diff", "--stat", before, "HEAD") == ""


@pytest.mark.usefixtures("source")
def test_a_switch_names_the_settings_that_come_and_go(forge: Forge, project: Project) -> None:
    ran = forge("set", project(WORKING), "auth=jwt", "flower=no", "--json", "--dry-run")
    (document,) = json.loads(ran.out)["projects"]
    assert {"JWT_ISSUER", "JWT_AUDIENCE"} <= set(document["settings"]["added"])
    assert {"API_KEYS", "FLOWER_PASSWORD"} <= set(document["settings"]["removed"])
    assert "ORDERS_CURRENCY" not in str(document["settings"])
    assert [note.partition(":")[0] for note in document["outside_git"]] == ["auth", "flower"]
