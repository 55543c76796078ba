"""A repository and a first commit, whatever git settings the user has and wherever it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from forge_cli.errors import ForgeError

# Settings of the user that are right for their own commits and would stop or change this one.
OVERRIDES = {
    "commit.gpgSign": "false",
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "init.defaultBranch": "main",
}
NO_EMAIL = "noreply@localhost"


def is_installed() -> bool:
    """Whether there is a git to run."""
    return shutil.which("git") is not None


def surrounding_repository(folder: Path) -> Path | None:
    """The working tree that a directory lies in, if any."""
    top = _run(folder, _environment(), "rev-parse", "--show-toplevel")
    return Path(top.stdout.rstrip("\n")) if top.returncode == 0 else None


def make_first_commit(project: Path, message: str, author_name: str, author_email: str) -> str:
    """Make a repository with everything in it committed on `main`.

    Args:
        project: The root of the new repository.
        message: The message of the commit.
        author_name: Whose commit it is if git has no identity configured.
        author_email: The address that goes with it; may be empty.

    Returns:
        The hash of the commit.

    Raises:
        ForgeError: If git refuses, for example because its configuration is broken.
    """
    env = _environment()
    git = [argument for name, value in OVERRIDES.items() for argument in ("-c", f"{name}={value}")]
    for role in ("AUTHOR", "COMMITTER"):
        # Without `useConfigOnly`, git would make up an address from the name of the machine.
        if _run(project, env, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT").returncode:
            env |= {f"GIT_{role}_NAME": author_name, f"GIT_{role}_EMAIL": author_email or NO_EMAIL}
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", message]):
        _checked(project, env, *git, *command)
    return _checked(project, env, "rev-parse", "HEAD")


def _environment() -> dict[str, str]:
    """The environment without what a git hook sets for the repository that it was called in."""
    result = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=False)
    return {name: value for name, value in os.environ.items() if name not in result.stdout.split()} | {"LC_ALL": "C"}


def _checked(folder: Path, env: dict[str, str], *arguments: str) -> str:
    result = _run(folder, env, *arguments)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ForgeError(f"git failed ({reason}). Mend that, or pass --no-git.")
    return result.stdout.strip()


def _run(folder: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=env, capture_output=True, check=False, encoding="utf-8", errors="replace"
    )
