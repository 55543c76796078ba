"""Updates one on top of the other, projects whose `.git` is a file, and what a user's own git is told to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.updates.conftest import Forge, commit, content, git
from tests.updates.edits import replace

SETTINGS = """\
[commit]
    gpgSign = true
    template = /does/not/exist
[core]
    autocrlf = input
    hooksPath = {hooks}
[color]
    ui = always
[diff]
    external = false
    ignoreSubmodules = all
    noprefix = true
[gpg]
    program = false
[merge]
    conflictStyle = diff3
    ff = only
    renames = false
[status]
    branch = true
    short = true
[user]
    useConfigOnly = true
"""
FAILING = "#!/bin/sh\nexit 1\n"
HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "reference-transaction",
)


@pytest.fixture
def torn(demo: Path) -> Path:
    """A project that has changed what the next release changes too."""
    replace(demo / "README.md", "line 5\n", "line V\n")
    commit(demo)
    return demo


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["update"], ["update"]),
        (["update"], ["set", "extra=yes"]),
        (["set", "extra=yes"], ["update"]),
        (["set", "extra=yes"], ["set", "extra=no"]),
    ],
    ids=lambda words: words[0],
)
def test_a_second_change_waits_for_the_commit_of_the_first(
    first: list[str], second: list[str], demo: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    assert forge(*first, "--yes").code == 0
    after = content(demo)
    title = "set extra=yes" if first[0] == "set" else "update from v1.0.0 to v1.1.0"

    for prepare in (lambda: None, lambda: git(demo, "add", "--all")):
        prepare()
        refused = forge(*second, "--yes")
        assert refused.code == 1
        assert f"has an update that is not over ({title})" in refused.err
        assert content(demo) == after
    forge("update", "--continue")
    refused = forge(*second, "--yes")
    assert refused.code == 1
    assert "has changes that are not committed" in refused.err
    assert content(demo) == after

    commit(demo)
    assert forge(*second, "--yes").code == 0


def in_a_worktree(project: Path) -> Path:
    place = project.with_name("worktree")
    git(project, "worktree", "add", "--quiet", "-b", "other", str(place))
    return place


def in_a_submodule(project: Path) -> Path:
    whole = project.with_name("whole")
    whole.mkdir()
    git(whole, "init", "--quiet")
    git(whole, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "parts/demo")
    commit(whole)
    return whole / "parts" / "demo"


@pytest.mark.parametrize("put", [in_a_worktree, in_a_submodule])
def test_a_project_whose_git_directory_is_elsewhere_is_updated_and_taken_back(
    put: Callable[[Path], Path], torn: Path, forge: Forge
) -> None:
    place = put(torn)
    assert (place / ".git").is_file()
    origin, before = content(torn), content(place)

    assert forge("update", place, "--yes").code == 3
    assert git(place, "diff", "--name-only", "--diff-filter=U") == "README.md"
    assert forge("update", place, "--abort").code == 0
    assert content(place) == before
    assert git(place, "status", "--porcelain") == ""

    assert forge("update", place, "--yes").code == 3
    (place / "README.md").write_text("# resolved\n")
    assert forge("update", place, "--continue").code == 0
    commit(place)
    assert forge("check", place).code == 0
    assert content(torn) == origin
    assert forge("check", torn).code == 4


def test_the_working_trees_of_a_project_are_updated_each_for_itself(demo: Path, forge: Forge) -> None:
    other = in_a_worktree(demo)
    before = content(other)
    for place in (demo, other):
        assert forge("update", place, "--yes").code == 0
    commit(demo)
    assert forge("update", demo, "--abort").code == 1
    assert forge("update", other, "--abort").code == 0
    assert content(other) == before


def test_a_project_with_a_submodule_is_updated_and_the_submodule_left_alone(
    demo: Path, forge: Forge, small_template: Path
) -> None:
    part = demo / "parts" / "other"
    git(demo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(small_template), "parts/other")
    commit(demo)
    (part / "CHANGELOG.md").write_text("being worked on\n")
    before = content(demo)
    assert forge("update", demo, "--yes").code == 0
    assert (part / "CHANGELOG.md").read_text() == "being worked on\n"
    assert forge("update", demo, "--abort").code == 0
    assert content(demo) == before


def tell_git(home: Path) -> None:
    """Write settings that are right for somebody's own commits, and would stop or change those of anybody else."""
    hooks = home / "hooks"
    hooks.mkdir()
    for name in HOOKS:
        (hooks / name).write_text(FAILING)
        (hooks / name).chmod(0o755)
    (home / "gitconfig").write_text(SETTINGS.format(hooks=hooks))


def test_a_project_is_updated_whatever_git_is_told_to_do_at_a_commit(demo: Path, forge: Forge, home: Path) -> None:
    hook = demo / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(FAILING)
    hook.chmod(0o755)
    tell_git(home)
    before, head = content(demo), git(demo, "rev-parse", "HEAD")

    ran = forge("update", demo, "--yes")

    assert (ran.code, ran.err) == (0, "")
    assert "line five\n" in (demo / "README.md").read_text()
    assert git(demo, "rev-parse", "HEAD") == head
    assert forge("update", demo, "--abort").code == 0
    assert content(demo) == before
    assert forge("set", demo, "extra=yes", "--yes").code == 0
    assert forge("update", demo, "--continue").code == 0


def test_conflicts_are_written_as_git_is_told_to_write_them(torn: Path, forge: Forge, home: Path) -> None:
    tell_git(home)
    before = content(torn)
    assert forge("update", torn, "--yes").code == 3
    written = r"<<<<<<< HEAD\nline V\n\|{7} [0-9a-f]+\nline 5\n=======\nline five\n>>>>>>> v1\.1\.0\n"
    assert re.search(written, (torn / "README.md").read_text())
    assert forge("update", torn, "--abort").code == 0
    assert content(torn) == before
    assert forge("update", torn, "--yes").code == 3
    (torn / "README.md").write_text("# resolved\n")
    assert forge("update", torn, "--continue").code == 0
    assert git(torn, "diff", "--name-only", "--diff-filter=U") == ""


@pytest.mark.parametrize("told", ["core.autocrlf", "eol"])
def test_a_project_whose_lines_end_as_on_windows_is_updated(
    told: str, demo: Path, forge: Forge, home: Path, tmp_path: Path
) -> None:
    if told == "eol":
        (demo / ".gitattributes").write_text("* text=auto eol=crlf\n")
    else:
        (home / "gitconfig").write_text("[core]\n\tautocrlf = true\n")
    replace(demo / "README.md", "line 25\n", "line 25, which is ours\n")
    (demo / "picture.bin").write_bytes(b"\0\n\r\n")
    commit(demo)
    place = tmp_path / "windows"
    git(tmp_path, "clone", "--quiet", str(demo), str(place))
    assert b"line 24\r\nline 25, which is ours\r\n" in (place / "README.md").read_bytes()
    before = content(place)

    ran = forge("update", place, "--yes")

    assert (ran.code, ran.err) == (0, "")
    text = (place / "README.md").read_bytes()
    assert b"line 4\r\nline five\r\n" in text
    assert b"line 25, which is ours\r\n" in text
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert (place / "picture.bin").read_bytes() == b"\0\n\r\n"
    commit(place)
    changed = git(place, "show", "--format=", "--numstat", "HEAD", "--", "README.md", ".copier-answers.yml")
    assert changed.split() == ["2", "1", ".copier-answers.yml", "1", "1", "README.md"]

    git(place, "reset", "--quiet", "--hard", "HEAD~1")
    assert content(place) == before
    ours = text.replace(b"line five", b"line V")
    (place / "README.md").write_bytes(ours)
    commit(place)
    before = content(place)
    assert forge("update", place, "--yes").code == 3
    assert b"=======\r\nline five\r\n>>>>>>> v1.1.0\r\n" in (place / "README.md").read_bytes()
    assert forge("update", place, "--abort").code == 0
    assert content(place) == before
    assert forge("update", place, "--yes").code == 3
    (place / "README.md").write_bytes(ours)
    assert forge("update", place, "--continue").code == 0
    commit(place)
    assert git(place, "show", "--format=", "--numstat", "HEAD", "--", "README.md") == ""
    assert forge("check", place).code == 0
