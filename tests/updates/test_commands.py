"""`forge update`, `forge set` and `forge check` as they are called."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pexpect
import pytest

from forge_cli import consequences, questions
from tests.options import STRUCTURE
from tests.updates import small
from tests.updates.conftest import Forge, commit, content, git
from tests.updates.edits import append


def test_several_projects_are_updated_and_one_that_cannot_be_stops_none(
    demo: Path, forge: Forge, tmp_path: Path
) -> None:
    other, dirty = tmp_path / "other", tmp_path / "dirty"
    for copy in (other, dirty):
        shutil.copytree(demo, copy)
    append(dirty / "README.md", "not committed\n")
    before = content(dirty)
    ran = forge("update", demo, dirty, other, "--yes")
    assert ran.code == 1
    assert ran.err == (
        f"error: {dirty}: `{dirty}` has changes that are not committed: `README.md`. Commit them, or `git stash`.\n"
    )
    assert content(dirty) == before
    for place in (demo, other):
        assert f"{place} is at v1.1.0" in ran.out
        assert (place / "added.py").exists()


@pytest.mark.parametrize(("answer", "changed"), [("n", False), ("y", True)])
def test_an_update_asks_before_it_changes_anything(answer: str, changed: bool, demo: Path) -> None:
    before = content(demo)
    child = pexpect.spawn(sys.executable, ["-m", "forge_cli", "update", str(demo)], encoding="utf-8", timeout=60)
    child.expect_exact("Change the project? [y/N]: ")
    shown = child.before
    assert shown
    assert "added.py" in shown
    assert content(demo) == before
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (content(demo) != before) is changed
    assert ("Nothing was changed." in str(child.before)) is not changed


def test_nobody_is_asked_without_a_terminal(demo: Path, forge: Forge) -> None:
    before = content(demo)
    ran = forge("update", demo)
    assert ran.code == 2
    assert "Pass --yes" in ran.err
    assert content(demo) == before


def test_a_current_project_is_left_alone(demo: Path, forge: Forge) -> None:
    forge("update", demo, "--yes")
    commit(demo)
    before = content(demo)
    ran = forge("update", demo)
    assert (ran.code, ran.err) == (0, "")
    assert "is current: v1.1.0. There is nothing to change." in ran.out
    assert content(demo) == before


def test_an_update_goes_to_the_version_that_is_asked_for_and_only_forward(
    demo: Path, forge: Forge, small_template: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    shutil.copytree(small_template, template)
    small.release(template, "v1.2.0", {"template/added.py": "a = 2\n"})
    small.release(template, "v2.0.0rc1", {"template/added.py": "a = 3\n"})
    common = ("--yes", "--template", template)
    assert forge("update", demo, "--to", "1.1.0", *common).code == 0
    commit(demo)
    assert (demo / "added.py").read_text() == "a = 1\n"
    back = forge("update", demo, "--to", "v1.0.0", *common)
    assert back.code == 2
    assert "which is newer than v1.0.0" in back.err
    unknown = forge("update", demo, "--to", "v9", *common)
    assert unknown.code == 2
    assert "The releases are: v1.0.0, v1.1.0, v1.2.0, v2.0.0rc1." in unknown.err
    assert forge("update", demo, *common).code == 0
    assert (demo / "added.py").read_text() == "a = 2\n"
    assert f"_src_path: {template}" in (demo / ".copier-answers.yml").read_text()


def test_what_is_not_released_is_for_projects_that_are_ahead_of_every_release(
    demo: Path, forge: Forge, small_template: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    shutil.copytree(small_template, template)
    for number in (2, 3):
        small.release(template, f"between-{number}", {"template/added.py": f"a = {number}\n"})
    common = ("--yes", "--template", template)
    assert forge("update", demo, *common).code == 0
    assert "_commit: v1.1.0\n" in (demo / ".copier-answers.yml").read_text()
    commit(demo)
    assert forge("check", demo, "--template", template).code == 0
    assert forge("update", demo, "--to", "between-2", *common).code == 0
    assert "_commit: v1.1.0-1-g" in (demo / ".copier-answers.yml").read_text()
    commit(demo)
    assert forge("check", demo, "--template", template).code == 4
    assert forge("update", demo, *common).code == 0
    assert (demo / "added.py").read_text() == "a = 3\n"


def test_a_new_question_can_be_answered(demo: Path, forge: Forge) -> None:
    refused = forge("update", demo, "--yes", "-d", "level=middling")
    assert refused.code == 2
    assert "`level` must be one of: low, high." in refused.err
    assert forge("update", demo, "--yes", "-d", "level=high").code == 0
    assert (demo / "level.txt").read_text() == "high\n"
    assert "level: high" in (demo / ".copier-answers.yml").read_text()


def test_an_answer_that_is_not_allowed_any_more_is_named(
    demo: Path, forge: Forge, small_template: Path, tmp_path: Path
) -> None:
    forge("update", demo, "--yes", "-d", "level=high")
    commit(demo)
    before = content(demo)
    template = tmp_path / "template"
    shutil.copytree(small_template, template)
    text = (template / "copier.yml").read_text().replace("choices: [low, high]", "choices: [low, top]")
    small.release(template, "v1.2.0", {"copier.yml": text})
    ran = forge("update", demo, "--yes", "--template", template)
    assert ran.code == 2
    assert "`level` must be one of: low, top." in ran.err
    assert content(demo) == before
    assert forge("update", demo, "--yes", "--template", template, "-d", "level=top").code == 0


def test_a_project_that_cannot_be_updated_is_refused_in_a_sentence(demo: Path, forge: Forge, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert forge("update", nothing, "--yes").err == (
        f"error: `{nothing}` is not a Forge project: it has no `.copier-answers.yml`.\n"
    )
    assert forge("update", tmp_path / "void", "--yes").err == f"error: `{tmp_path / 'void'}` does not exist.\n"

    bare = tmp_path / "bare"
    shutil.copytree(demo, bare, ignore=shutil.ignore_patterns(".git"))
    assert "is in no git repository" in forge("update", bare, "--yes").err
    git(bare, "init", "--quiet")
    assert "is not committed" in forge("update", bare, "--yes").err

    for text, sentence in (
        ("_commit: v7.7.7", "was made from version v7.7.7 of the template, and"),
        ("", "does not record the version"),
    ):
        copy = tmp_path / f"copy-{len(text)}"
        shutil.copytree(demo, copy)
        answers = copy / ".copier-answers.yml"
        answers.write_text(answers.read_text().replace("_commit: v1.0.0", text))
        commit(copy)
        ran = forge("update", copy, "--yes")
        assert ran.code == 1
        assert sentence in ran.err
    (demo / ".copier-answers.yml").write_text("a: [\n")
    assert "is not YAML (line 2)" in forge("update", demo, "--yes").err


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},  # git's own way to try it without another user
            "git refuses `{demo}`, which belongs to another user. If you trust it: `{remedy} {demo}`.",
        ),
        (
            {"GIT_CONFIG_GLOBAL": "{demo}/Makefile"},
            "git does not open the repository of `{demo}` (fatal: bad config line 1 in file {demo}/Makefile).",
        ),
    ],
    ids=["another owner", "broken configuration"],
)
def test_a_repository_that_git_does_not_open_is_told_with_its_reason(
    variables: dict[str, str], sentence: str, demo: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    (demo / "Makefile").write_text("[\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(demo=demo))

    for command in (("update", demo, "--yes"), ("set", demo, "extra=yes", "--yes"), ("update", "--abort", demo)):
        assert (ran := forge(*command)).code == 1
        assert ran.err == f"error: {sentence.format(demo=demo, remedy='git config --global --add safe.directory')}\n"


def test_a_repository_of_any_shape_is_updated(demo: Path, forge: Forge, tmp_path: Path) -> None:
    shapes = {name: tmp_path / name for name in ("shallow", "sparse", "worktree", "line ends", "outer/submodule")}
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{demo}", str(shapes["shallow"]))
    git(tmp_path, "clone", "--quiet", str(demo), str(shapes["sparse"]))
    git(shapes["sparse"], "sparse-checkout", "set", "--no-cone", "/*", "!/docs/")
    git(demo, "worktree", "add", "--quiet", str(shapes["worktree"]))
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(demo), str(shapes["line ends"]))
    git(tmp_path, "init", "--quiet", "outer")
    git(tmp_path / "outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(demo), "submodule")

    for name, project in shapes.items():
        ran = forge("set", project, "extra=yes", "--yes")
        assert (ran.code, ran.err) == (0, ""), name
        assert git(project, "diff", "--name-only", "--diff-filter=U") == ""


def test_a_template_that_cannot_be_reached_is_one_sentence(demo: Path, forge: Forge) -> None:
    ran = forge("update", demo, "--yes", "--template", "https://user:password@localhost:1/forge.git")
    assert ran.code == 1
    assert ran.err.startswith("error: `https://localhost:1/forge.git` cannot be read (")
    assert "password" not in ran.err


def test_set_changes_answers_at_the_same_version_and_writes_what_is_owned_once(demo: Path, forge: Forge) -> None:
    ran = forge("set", demo, "extra=yes", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert "extra: no -> yes" in ran.out
    assert "_commit: v1.0.0" in (demo / ".copier-answers.yml").read_text()
    append(demo / "extra/mine.py", "edited = True\n")
    commit(demo)

    off = forge("set", demo, "extra=no", "--yes")
    assert "kept      extra/mine.py" in off.out
    assert not (demo / "extra/ours.py").exists()
    commit(demo)
    on = forge("set", demo, "extra=yes", "--yes")
    assert on.code == 0
    assert "own       extra/mine.py" not in on.out or "edited = True" in (demo / "extra/mine.py").read_text()
    assert (demo / "extra/mine.py").read_text() == "e = 1\nedited = True\n"
    assert (demo / "extra/ours.py").exists()


def test_what_the_user_owns_and_has_deleted_stays_deleted(demo: Path, forge: Forge) -> None:
    (demo / "mine.py").unlink()
    commit(demo)
    assert forge("update", demo, "--yes").code == 0
    assert not (demo / "mine.py").exists()


def test_set_refuses_what_new_would_refuse(demo: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(demo)
    monkeypatch.chdir(demo)
    for arguments, sentence in (
        (["extra=perhaps"], "`extra` must be true or false."),
        (["more=yes"], "`more` is not a question. The questions are: project_name, extra."),
        (["slug=x"], "`slug` is computed and cannot be given."),
        ([str(demo)], "Say which answers change"),
        (["extra=yes", "nonsense"], "`nonsense` is not an answer."),
    ):
        ran = forge("set", *arguments, "--yes")
        assert (ran.code, ran.out) == (2, "")
        assert sentence in ran.err
    assert forge("set", "extra=no").out.endswith("There is nothing to change.\n")
    assert content(demo) == before


def test_set_says_what_a_change_means_outside_git() -> None:
    """Every question that shapes a project has its sentence."""
    assert set(STRUCTURE) <= consequences.MEANINGS.keys()
    assert consequences.MEANINGS.keys() <= {question.name for question in questions.asked()}
    before = questions.complete({"project_name": "demo"})
    (said,) = consequences.of(before, {**before, "broker": "rabbitmq"})
    assert "Messages that wait in the old broker (redis) stay there" in said
    assert consequences.of({**before, "beat": "none"}, before) == []


def test_check_tells_current_from_behind(demo: Path, forge: Forge) -> None:
    behind = forge("check", demo)
    assert behind.code == 4
    assert "is behind: v1.0.0, and there is v1.1.0." in behind.out
    assert "- The second." in behind.out
    forge("update", demo, "--yes", "-d", "level=high")
    open_ = forge("check", demo)
    assert "An update is not over (update from v1.0.0 to v1.1.0)" in open_.out
    commit(demo)
    current = forge("check", demo)
    assert current.code == 0
    assert "is current: v1.1.0." in current.out
    assert "level  high (default: low)" in current.out


def test_check_finds_what_an_update_has_left(demo: Path, forge: Forge) -> None:
    forge("update", demo, "--yes")
    append(demo / "README.md", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> v1.1.0\n")
    (demo / "code.py.rej").write_text("x\n")
    (demo / "left.py").unlink()
    (demo / "mine.py").unlink()
    commit(demo)
    ran = forge("check", demo, "--json")
    assert ran.code == 3
    (document,) = json.loads(ran.out)["projects"]
    assert document["markers"] == ["README.md"]
    assert document["rejects"] == ["code.py.rej"]
    assert document["deleted"] == ["left.py"]
    assert document["behind"] is False
    assert document["version"] == document["newest"] == "v1.1.0"


def test_check_looks_at_several_projects(demo: Path, forge: Forge, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(demo, other)
    forge("update", other, "--yes")
    commit(other)
    ran = forge("check", demo, other, tmp_path, "--json")
    assert ran.code == 1 or ran.code == 2
    documents = json.loads(ran.out)["projects"]
    assert [document.get("behind") for document in documents] == [True, False, None]
    assert "is not a Forge project" in documents[2]["error"]["message"]
    assert forge("check", other, demo).code == 4


def test_a_project_that_a_version_leaves_alone_is_current_after_the_update(
    demo: Path, forge: Forge, small_template: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    shutil.copytree(small_template, template)
    forge("update", demo, "--yes", "--template", template)
    commit(demo)
    small.release(template, "v1.2.0", {"template/extra/ours.py": "o = 2\n"})
    before = content(demo)
    assert forge("check", demo, "--template", template).code == 4

    assert forge("update", demo, "--yes", "--template", template).code == 0

    assert forge("check", demo, "--template", template).code == 0
    after = content(demo)
    assert {path for path in after if after[path] != before.get(path)} == {".copier-answers.yml"}
    assert after.keys() == before.keys()


def test_a_version_that_changes_nothing_in_a_project_is_no_update(
    demo: Path, forge: Forge, small_template: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    shutil.copytree(small_template, template)
    forge("update", demo, "--yes", "--template", template)
    commit(demo)
    small.release(template, "v1.2.0", {"docs.md": "Outside the template.\n"})
    before = content(demo)
    assert forge("check", demo, "--template", template).code == 0
    ran = forge("update", demo, "--yes", "--template", template)
    assert ran.code == 0
    assert "There is nothing to change." in ran.out
    assert content(demo) == before
