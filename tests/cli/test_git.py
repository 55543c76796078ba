"""The repository and its first commit, on machines of every kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forge_cli import __version__

from .conftest import Forge, git, run, template, tree


def author(project: Path) -> str:
    return git(project, "log", "-1", "--format=%an <%ae>, %cn <%ce>")


def committed_once(project: Path) -> None:
    """There is one commit on `main`, with everything in it."""
    assert git(project, "log", "--format=%s") == f"Start from Forge {__version__}"
    assert git(project, "branch", "--show-current") == "main"
    assert git(project, "status", "--porcelain", "--ignored") == ""
    made = {path for path in tree(project) if (project / path).is_file() and not path.startswith(".git/")}
    assert set(git(project, "-c", "core.quotePath=off", "ls-files").splitlines()) == made


def test_without_an_identity_the_author_of_the_project_commits(forge: Forge) -> None:
    forge("new", "demo", "-y", "--author-name", "Ada Lovelace", "--author-email", "ada@example.com")
    committed_once(Path("demo"))
    assert author(Path("demo")) == "Ada Lovelace <ada@example.com>, Ada Lovelace <ada@example.com>"
    assert "user." not in git(Path("demo"), "config", "--local", "--list")


def test_without_an_address_a_harmless_one_is_used(forge: Forge) -> None:
    forge("new", "demo", "-y")
    assert author(Path("demo")) == "demo maintainers <noreply@localhost>, demo maintainers <noreply@localhost>"


def test_the_identity_that_git_has_is_used(forge: Forge, home: Path) -> None:
    (home / "gitconfig").write_text("[user]\nname = Grace\nemail = grace@example.com\n")
    forge("new", "demo", "-y", "--author-name", "Ada")
    assert author(Path("demo")) == "Grace <grace@example.com>, Grace <grace@example.com>"


@pytest.mark.parametrize(
    "settings",
    [
        "[commit]\ngpgSign = true\n[user]\nsigningKey = none\n[gpg]\nprogram = /bin/false\n",
        "[core]\nhooksPath = {home}/hooks\n",
        "[init]\ntemplateDir = {home}/templates\n",
        "[init]\ndefaultBranch = trunk\n",
        "[core]\nexcludesFile = {home}/ignored\n",
        "[core]\nautocrlf = input\nsafecrlf = warn\n",
        "[commit]\ntemplate = {home}/missing\ncleanup = scissors\n",
    ],
    ids=["signing", "hooks", "templates with hooks", "default branch", "excludes", "line ends", "message"],
)
def test_settings_of_the_user_do_not_stop_the_first_commit(forge: Forge, home: Path, settings: str) -> None:
    for folder in (home / "hooks", home / "templates" / "hooks"):
        folder.mkdir(parents=True)
        for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
            (folder / name).write_text("#!/bin/sh\nexit 1\n")
            (folder / name).chmod(0o755)
    (home / "ignored").write_text("*.md\n.env.example\n")
    (home / "gitconfig").write_text(settings.format(home=home))
    ran = forge("new", "demo", "-y")
    assert (ran.code, ran.err) == (0, "")
    committed_once(Path("demo"))


def test_a_git_that_cannot_work_is_one_sentence_and_leaves_nothing(forge: Forge, home: Path) -> None:
    (home / "gitconfig").write_text("[broken\n")
    ran = forge("new", "demo", "-y")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"error: git failed (fatal: bad config line 1 in file {home}/gitconfig). Fix that, or pass --no-git.\n"
    )
    assert tree(Path()) == []
    assert forge("new", "demo", "-y", "--no-git").code == 0


def test_no_git_makes_no_repository(forge: Forge) -> None:
    ran = forge("new", "demo", "-y", "--no-git")
    assert not Path("demo/.git").exists()
    assert ran.out.split("\n\n")[0].splitlines()[1:] == template().notes


def test_inside_another_repository_the_project_gets_its_own(forge: Forge) -> None:
    git(Path(), "init", "--quiet")
    Path("staged").touch()
    git(Path(), "add", "staged")
    ran = forge("new", "demo", "-y")
    assert ran.out.splitlines()[1] == f"It has a repository of its own, inside `{Path.cwd()}`."
    committed_once(Path("demo"))
    assert git(Path(), "status", "--porcelain") == "A  staged\n?? demo/"


def test_a_git_hook_of_another_repository_may_run_forge(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    (outer / "staged").touch()
    git(outer, "add", "staged")
    index = (outer / ".git" / "index").read_bytes()

    ran = run(
        "new",
        "demo",
        "-y",
        GIT_DIR=f"{outer}/.git",
        GIT_WORK_TREE=str(outer),
        GIT_INDEX_FILE=f"{outer}/.git/index",
        GIT_PREFIX="",
    )

    assert (ran.code, ran.err) == (0, "")
    committed_once(Path("demo"))
    assert (outer / ".git" / "index").read_bytes() == index
    assert git(outer, "status", "--porcelain") == "A  staged"


def test_a_commit_hook_that_calls_forge_makes_a_project(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    hook = outer / ".git" / "hooks" / "pre-commit"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    hook.write_text(f"#!/bin/sh\nexport PATH={path}\nforge new {Path.cwd()}/demo -y >&2\n")
    hook.chmod(0o755)
    (outer / "file").touch()
    git(outer, "add", "file")
    git(outer, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "outer")
    committed_once(Path("demo"))
    assert git(outer, "ls-files") == "file"


def test_without_git_there_is_a_project_and_a_line_that_says_so(tmp_path: Path) -> None:
    ran = run("new", "demo", "-y", PATH=str(tmp_path))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[1] == "git is not installed, so there is no repository."
    assert not Path("demo/.git").exists()
    assert Path("demo/README.md").is_file()
    assert run("new", "other", "-y", "--dry-run", PATH=str(tmp_path)).code == 0


def test_the_template_is_rendered_as_it_is_when_forge_is_not_committed(checkout: Path) -> None:
    git(checkout, "init", "--quiet")
    (checkout / "template" / "draft.txt").write_text("not committed")
    ran = run("new", "demo", "-y", checkout=checkout)
    assert (ran.code, ran.err) == (0, "")
    assert tree(Path("demo"))[-2:] == ["README.md", "draft.txt"]
    assert subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, check=False).returncode
