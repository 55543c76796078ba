"""A repository of Forge with a history of its own, and what people install from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .conftest import ROOT, Ran, git

PARTS = [
    ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "copier.yml", "generator", "pyproject.toml", "template",
]  # fmt: skip
UNRELEASED = "## [Unreleased]\n"
CHANGES = "\n### What an update changes\n\n- The greeting.\n\n"
UV = [sys.executable, "-m", "uv"]


def environment() -> dict[str, str]:
    """Somebody's machine: an identity, no settings, and caches that the whole run of tests shares."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "FORGE_", "PYTHON"))}
    who = {f"GIT_{role}_{part}": "ada@b.c" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "UV_CACHE_DIR": _uv_cache()}
    return {**kept, **who, **alone}


@cache
def _uv_cache() -> str:
    return subprocess.run([*UV, "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()


def call(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ran:
    """Run a program that may fail."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**environment(), **(env or {})},
        check=False,
        capture_output=True,
        text=True,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def works(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ran:
    """Run a program that must not fail."""
    ran = call(*command, cwd=cwd, env=env)
    assert ran.code == 0, ran.out + ran.err
    return ran


def copy_of_the_tree(folder: Path) -> Path:
    """Forge as it is here, without its history and without what tools have left in it."""
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        elif (ROOT / part).exists():
            shutil.copy(ROOT / part, folder)
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit everything; the hash."""
    works("git", "add", "--all", cwd=folder)
    works("git", "commit", "--quiet", "--message", message, cwd=folder)
    return git(folder, "rev-parse", "HEAD")


def release(folder: Path, version: str) -> Ran:
    """Call the command that makes a release."""
    return call(sys.executable, "generator/release.py", version, cwd=folder)


def make_origin(folder: Path) -> Path:
    """A repository with this template, its releases 1.0.0 and 1.1.0, which greet differently, and a commit since."""
    copy_of_the_tree(folder)
    (folder / "generator" / "releases.txt").write_text("")
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{UNRELEASED}")
    works("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    works("git", "config", "uploadpack.allowFilter", "true", cwd=folder)  # as sites have it, for partial clones
    for version, greeting in (("1.0.0", "Hello."), ("1.1.0", "Welcome.")):
        change(folder, greeting)
        made = release(folder, version)
        assert made.code == 0, made.err
    change(folder, "Good evening.")
    return folder


def change(folder: Path, greeting: str) -> str:
    """Commit another greeting in the template, and what the changelog says of it; the hash."""
    (folder / "template" / "greeting.txt").write_text(f"{greeting}\n")
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(UNRELEASED, f"{UNRELEASED}{CHANGES}", 1))
    return commit(folder, f"Greet with {greeting}")


def clone(origin: Path, folder: Path, *options: str) -> Path:
    """Clone as from another machine."""
    works("git", "clone", "--quiet", *options, f"file://{origin}", folder)
    return folder


def build(checkout: Path, out: Path, *options: str) -> tuple[Path, str]:
    """Build a wheel; it, and what the build says."""
    ran = works(*UV, "build", "--out-dir", out, *options, checkout)
    return next(out.glob("*.whl")), ran.err


@cache
def install(what: Path | str, folder: Path) -> Path:
    """Install Forge in a directory of its own, beside what it needs."""
    works(*UV, "pip", "install", "--quiet", "--no-deps", "--target", folder, what)
    return folder


def installed(folder: Path, *args: str | Path, **env: str) -> Ran:
    """The `forge` that is in a directory."""
    return call(sys.executable, "-m", "forge_cli", *args, env={"PYTHONPATH": str(folder), **env})


def recorded(project: Path) -> list[str]:
    """The lines of a project's answers file that say where it comes from."""
    return [line for line in (project / ".copier-answers.yml").read_text().splitlines() if line.startswith("_")]


def carried(folder: Path) -> str:
    """What an installed Forge says of the releases that it carries."""
    return installed(folder, "new", "demo", "-y", "--no-git", "--vcs-ref", "none").err


def unpacked(wheel: Path, folder: Path) -> Path:
    zipfile.ZipFile(wheel).extractall(folder)
    return folder
