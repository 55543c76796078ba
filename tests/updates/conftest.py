"""Projects that were made some time ago and changed since, and the template in every version."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from forge_cli import checkouts
from forge_cli.repository import Repository
from tests.cli.conftest import Forge, Ran, _machine, forge, git, home
from tests.updates import small
from tests.updates.edits import edit

__all__ = ["Forge", "Ran", "_machine", "forge", "git", "home"]

ROOT = Path(__file__).parents[2]
WORKING = "HEAD"  # the working tree, committed on top


@dataclass(frozen=True)
class Template:
    """A repository with every release of the template and, at HEAD, the working tree."""

    path: Path
    outdated: list[str]
    """The releases whose template is not the working tree's, the oldest first: an update has something to do."""

    @property
    def last(self) -> str:
        """The newest of them."""
        return self.outdated[-1]


@pytest.fixture(scope="session")
def template_repository(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A clone with the releases that the tree records, and a commit of what is not committed yet."""
    folder = tmp_path_factory.mktemp("template")
    if not checkouts.is_checkout(ROOT):
        pytest.skip("this is not a git checkout, so there are no releases to update from")
    borrowed = checkouts.copy(ROOT, _made(folder / "releases"))
    subprocess.run(["git", "clone", "--quiet", borrowed.path, folder / "clone"], check=True)
    clone = folder / "clone"
    for name in ("copier.yml", "CHANGELOG.md", "generator/releases.txt"):
        shutil.copy(ROOT / name, clone / name)
    shutil.rmtree(clone / "template")
    shutil.copytree(ROOT / "template", clone / "template", ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    commit(clone, "Work in progress")
    repository = Repository(clone)
    releases = list(repository.releases().values())
    if not releases:
        pytest.skip("this clone has no history, so there are no releases to update from")
    head = repository.revision(WORKING)
    outdated = [release.name for release in releases if not repository.same_template(release, head)]
    return Template(clone, outdated or [releases[-1].name])


@pytest.fixture(scope="session")
def edited_projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Projects that several tests begin with, by version and answers."""
    return {"": tmp_path_factory.mktemp("edited")}


Project = Callable[..., Path]


@pytest.fixture
def project(forge: Forge, template_repository: Template, edited_projects: dict[str, Path], tmp_path: Path) -> Project:
    """A function that copies a committed project of some version, edited as its team would or as it was made."""

    def make(version: str, *, edited: bool = True, **answers: str | bool) -> Path:
        choices = "-".join(f"{name}-{value}" for name, value in answers.items())
        name = f"{version}-{choices}-{'edited' if edited else 'fresh'}"
        if name not in edited_projects:
            made = edited_projects[""] / name / "demo"
            make_project(forge, made, template_repository.path, version, answers)
            if edited:
                edit(made)
            commit(made, "Start")
            edited_projects[name] = made
        copy = tmp_path / name
        if not copy.exists():
            shutil.copytree(edited_projects[name], copy, symlinks=True)
        return copy

    return make


@pytest.fixture
def source(template_repository: Template, monkeypatch: pytest.MonkeyPatch) -> Template:
    """The template in every version, as what `forge` reads."""
    monkeypatch.setenv("FORGE_TEMPLATE", str(template_repository.path))
    return template_repository


def make_project(forge: Forge, place: Path, template: Path, version: str, answers: dict[str, str | bool]) -> None:
    """Make a project of some version through the command line."""
    data = [item for name, value in answers.items() for item in ("-d", f"{name}={str(value).lower()}")]
    made = forge("new", place, "-y", "--no-git", "--template", template, "--vcs-ref", version, *data)
    assert made.code == 0, made.err
    git(place, "init", "--quiet")


def commit(folder: Path, message: str = "Change") -> None:
    """Commit everything, as somebody."""
    git(folder, "add", "--all")
    git(
        folder,
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.com",
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        message,
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template of a few files with the releases v1.0.0 and v1.1.0."""
    return small.make(tmp_path_factory.mktemp("small") / "template")


@pytest.fixture
def demo(forge: Forge, small_template: Path, tmp_path: Path) -> Path:
    """A committed project of the small template's first release, with a secret that git does not see."""
    place = tmp_path / "demo"
    made = forge("new", place, "-y", "--no-git", "--template", small_template, "--vcs-ref", "v1.0.0")
    assert made.code == 0, made.err
    git(place, "init", "--quiet")
    (place / ".env").write_text("PASSWORD=secret\n")
    (place / "run.log").write_text("ran\n")
    commit(place)
    return place


Content = dict[str, tuple[int, bytes]]


def content(folder: Path) -> Content:
    """Every file outside git's own directory, ignored ones included, with its rights; every directory."""
    return {
        path.relative_to(folder).as_posix(): (
            path.lstat().st_mode,
            bytes(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
        if ".git" not in path.relative_to(folder).parts
    }
