"""Every release is in the wheel, from whatever checkout it is built, and one command makes the next."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import copier
import pytest

from . import origins
from .conftest import ROOT, git, tree
from .origins import build, carried, clone, install, installed, recorded

CARRIED = "error: `none` is not a version of the template. The releases are: v1.0.0, v1.1.0.\n"
UPDATES_NOT = (
    "This Forge was installed without its history, so the project cannot be updated until its "
    "`.copier-answers.yml` has a `_commit` and a `_src_path`."
)
NONE_CARRIED = "error: This Forge carries no releases. Name where they are with --template.\n"

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def wheel(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist of a clone without tags."""
    folder = tmp_path_factory.mktemp("tagless")
    checkout = clone(origin, folder / "checkout", "--no-tags")
    assert git(checkout, "tag") == ""
    before = tree(checkout)
    wheel, said = build(checkout, folder / "dist")
    assert "without" not in said
    assert git(checkout, "tag") == ""
    assert tree(checkout) == before
    return wheel


def test_a_wheel_from_a_clone_without_tags_carries_every_release(wheel: Path, tmp_path: Path) -> None:
    forge = install(wheel, tmp_path / "forge")
    assert carried(forge) == CARRIED
    for version, greeting in (("v1.0.0", "Hello.\n"), ("v1.1.0", "Welcome.\n"), ("1.1.0", "Welcome.\n")):
        assert installed(forge, "new", version, "-y", "--project-name", "demo", "--vcs-ref", version).code == 0
        assert Path(version, "greeting.txt").read_text() == greeting
        assert recorded(Path(version))[0] == f"_commit: v{version.removeprefix('v')}"


def test_the_plain_files_of_the_wheel_are_those_of_its_commit_and_the_releases_are_tags(
    wheel: Path, tmp_path: Path
) -> None:
    package = origins.unpacked(wheel, tmp_path / "wheel") / "forge_cli"
    git(tmp_path, "clone", "--quiet", str(package / "_releases.bundle"), "bundle")
    assert git(tmp_path / "bundle", "tag") == "v1.0.0\nv1.1.0"
    (tmp_path / "committed").mkdir()
    for part in ("copier.yml", "template"):
        (tmp_path / "bundle" / part).rename(tmp_path / "committed" / part)
    subprocess.run(["diff", "--recursive", package / "_template", tmp_path / "committed"], check=True)


def test_a_shallow_clone_is_completed_from_its_origin_and_stays_shallow(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout", "--depth", "1")
    before = tree(checkout)
    wheel, said = build(checkout, tmp_path / "dist", "--wheel")
    assert "without" not in said
    assert carried(install(wheel, tmp_path / "forge")) == CARRIED
    assert git(checkout, "rev-list", "--count", "HEAD") == "1"
    assert tree(checkout) == before


def test_a_shallow_clone_on_a_commit_of_no_branch_is_completed(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout", "--depth", "1", "--no-tags")
    (checkout / "mine.txt").touch()
    mine = origins.commit(checkout, "Mine")
    git(checkout, "checkout", "--quiet", "--detach", mine)
    forge = install(build(checkout, tmp_path / "dist", "--wheel")[0], tmp_path / "forge")
    assert carried(forge) == CARRIED


def test_where_the_history_is_out_of_reach_forge_is_built_without_it(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout", "--depth", "1")
    git(checkout, "remote", "set-url", "origin", f"file://{tmp_path}/gone")
    wheel, said = build(checkout, tmp_path / "dist", "--wheel")
    assert (
        "Forge is built without its releases: the clone is shallow, and its origin cannot complete it (fatal: "
        f"'{tmp_path}/gone' does not appear to be a git repository)."
    ) in said
    forge = install(wheel, tmp_path / "forge")
    assert installed(forge, "new", "demo", "-y").code == 0
    assert carried(forge) == NONE_CARRIED
    assert recorded(Path("demo")) == [f"_commit: {git(checkout, 'rev-parse', 'HEAD')}", f"_src_path: {tmp_path}/gone"]


def test_a_download_without_history_is_built_and_the_project_says_what_it_lacks(tmp_path: Path) -> None:
    folder = origins.copy_of_the_tree(tmp_path / "downloaded")
    wheel, said = build(folder, tmp_path / "dist")
    assert "Forge is built without its history: it is not a git repository with a commit, or there is no git." in said
    forge = install(wheel, tmp_path / "forge")
    assert UPDATES_NOT in installed(forge, "new", "demo", "-y").out.splitlines()
    assert recorded(Path("demo")) == []
    assert carried(forge) == NONE_CARRIED


def test_a_download_inside_another_repository_is_not_taken_for_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    folder = origins.copy_of_the_tree(tmp_path / "downloaded")
    origins.commit(tmp_path, "Another project")
    forge = install(build(folder, tmp_path / "dist", "--wheel")[0], tmp_path / "forge")
    assert carried(forge) == NONE_CARRIED


def test_a_machine_without_git_builds_forge(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout")
    forge = tmp_path / "forge"
    origins.works(*origins.UV, "pip", "install", "--no-deps", "--target", forge, checkout, env={"PATH": str(tmp_path)})
    assert carried(forge) == NONE_CARRIED
    assert installed(forge, "new", "demo", "-y", "--dry-run", PATH=str(tmp_path)).code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_a_checkout_of_another_user_is_built_with_its_releases(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout")
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 65534, 65534)
    assert "dubious ownership" in origins.call("git", "log", cwd=checkout).err
    forge = install(build(checkout, tmp_path / "dist", "--wheel")[0], tmp_path / "forge")
    assert carried(forge) == CARRIED


def test_every_release_is_in_the_history_and_never_needs_trust(tmp_path: Path) -> None:
    """The real ones, of which `releases.txt` keeps the names for clones without tags."""
    for line in (ROOT / "generator" / "releases.txt").read_text().splitlines():
        name, sha = line.split()
        if origins.call("git", "cat-file", "-e", f"{sha}^{{commit}}", cwd=ROOT).code:
            pytest.skip("the history is not here")
        tagged = origins.call("git", "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}", cwd=ROOT)
        assert tagged.code or tagged.out == f"{sha}\n"
        repository = tmp_path / name
        git(tmp_path, "clone", "--quiet", "--no-tags", str(ROOT), name)
        git(repository, "tag", name, sha)
        answers = {"project_name": "demo"}
        copier.run_copy(str(repository), tmp_path / f"project-{name}", answers, vcs_ref=name, defaults=True, quiet=True)
        assert recorded(tmp_path / f"project-{name}") == [f"_commit: {name}", f"_src_path: {repository}"]


@pytest.fixture
def workshop(origin: Path, tmp_path: Path) -> Path:
    """Where a release is made."""
    return clone(origin, tmp_path / "workshop")


def state(checkout: Path) -> list[str]:
    return [git(checkout, *command.split()) for command in ("rev-parse HEAD", "tag", "status --porcelain", "branch")]


def test_a_release_is_a_tag_and_its_record(workshop: Path) -> None:
    before = git(workshop, "rev-parse", "HEAD")
    made = origins.release(workshop, "1.2.0")
    assert (made.code, made.err) == (0, "")
    assert made.out == "Made v1.2.0. To publish it:\n  git push --atomic origin main v1.2.0\n"
    assert git(workshop, "log", "--format=%s", f"{before}..") == "Record release 1.2.0\nRelease 1.2.0"
    assert git(workshop, "status", "--porcelain") == ""
    released = git(workshop, "rev-parse", "HEAD~1")
    assert git(workshop, "rev-parse", "v1.2.0^{commit}") == released
    assert git(workshop, "cat-file", "-t", "v1.2.0") == "tag"
    assert (workshop / "generator" / "releases.txt").read_text().splitlines()[-1] == f"v1.2.0 {released}"
    version_file = "generator/forge_cli/__init__.py"
    assert '__version__ = "1.2.0"' in git(workshop, "show", f"v1.2.0:{version_file}")
    assert '__version__ = "1.3.0.dev0"' in git(workshop, "show", f"HEAD:{version_file}")
    day = git(workshop, "log", "-1", "--format=%cs", "v1.2.0")
    assert f"{origins.UNRELEASED}\n## [1.2.0] - {day}\n{origins.CHANGES}" in git(
        workshop, "show", "v1.2.0:CHANGELOG.md"
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.2", "`1.2` is not the number of a release. Write it as X.Y.Z."),
        ("v1.2.0", "`v1.2.0` is not the number of a release. Write it as X.Y.Z."),
        ("1.2.0rc1", "`1.2.0rc1` is not the number of a release. Write it as X.Y.Z."),
        ("1.02.0", "`1.02.0` is not the number of a release. Write it as X.Y.Z."),
        ("1.1.0", "The tag v1.1.0 exists already. Pick the next version."),
        ("1.0.9", "1.0.9 is not newer than 1.1.0, which is released. Pick a higher version."),
    ],
)
def test_a_number_that_is_none_is_refused(workshop: Path, version: str, message: str) -> None:
    refused(workshop, version, message)


def test_a_release_without_its_tag_counts(workshop: Path) -> None:
    git(workshop, "tag", "--delete", "v1.1.0")
    refused(workshop, "1.0.9", "1.0.9 is not newer than 1.1.0, which is released. Pick a higher version.")


def test_changes_that_are_not_committed_are_refused(workshop: Path) -> None:
    (workshop / "notes.txt").touch()
    refused(workshop, "1.2.0", "The tree has changes that are not committed. Commit them, or put them away.")


def test_a_release_is_made_on_a_branch(workshop: Path) -> None:
    git(workshop, "checkout", "--quiet", "--detach")
    refused(workshop, "1.2.0", "No branch is checked out. Check out the one to release from.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("", "CHANGELOG.md has nothing under `## [Unreleased]`. Write what is new."),
        (
            "\n### Added\n\n- A greeting.\n",
            "CHANGELOG.md has nothing under `### What an update changes`. Write what `forge update` does to a project.",
        ),
        (
            "\n### What an update changes\n\n### Added\n\n- A greeting.\n",
            "CHANGELOG.md has nothing under `### What an update changes`. Write what `forge update` does to a project.",
        ),
    ],
    ids=["nothing", "nothing of updates", "an empty section"],
)
def test_a_changelog_that_says_nothing_of_updates_is_refused(workshop: Path, changes: str, message: str) -> None:
    (workshop / "CHANGELOG.md").write_text(f"# Changelog\n\n{origins.UNRELEASED}{changes}\n## [1.1.0] - 2026-01-01\n")
    origins.commit(workshop, "Write less")
    refused(workshop, "1.2.0", message)


def test_a_release_that_cannot_be_recorded_is_taken_back(workshop: Path) -> None:
    hook = workshop / ".git" / "hooks" / "commit-msg"
    hook.write_text('#!/bin/sh\nif grep -q Record "$1"; then echo no more >&2; exit 1; fi\n')
    hook.chmod(0o755)
    refused(workshop, "1.2.0", "`git commit` failed (no more).")
    hook.unlink()
    assert origins.release(workshop, "1.2.0").code == 0


def refused(checkout: Path, version: str, message: str) -> None:
    """There is no release, and nothing has changed."""
    before = state(checkout)
    made = origins.release(checkout, version)
    assert (made.code, made.out, made.err) == (1, "", f"error: {message}\n")
    assert state(checkout) == before


def test_the_bootstrap_installs_anew_when_the_commit_is_another(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout")
    forge, stamp = checkout / ".venv" / "bin" / "forge", checkout / ".venv" / "forge-installed"
    origins.works(checkout / "generator" / "bootstrap")
    first = stamp.stat().st_mtime_ns
    origins.works(checkout / "generator" / "bootstrap")
    assert stamp.stat().st_mtime_ns == first
    origins.works("git", "commit", "--quiet", "--allow-empty", "--message", "Nothing", cwd=checkout)
    origins.works(checkout / "generator" / "bootstrap")
    name = f"v1.1.0-3-g{git(checkout, 'rev-parse', '--short', 'HEAD')}"
    assert origins.works(forge, "--version").out == f"forge 1.2.0.dev0 (template {name})\n"
