"""Git, whatever settings the user has and wherever Forge runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from forge_cli.errors import ForgeError

# Settings of the user that are right for their own commits and would stop or change this one.
OVERRIDES = {
    "commit.gpgSign": "false",
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "init.defaultBranch": "main",
}
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")  # they are for the user's own commits
NO_EMAIL = "noreply@localhost"


def is_installed() -> bool:
    """Whether there is a git to run."""
    return shutil.which("git") is not None


def surrounding_repository(folder: Path) -> Path | None:
    """The working tree that a directory lies in, if any."""
    top = run(folder, "rev-parse", "--show-toplevel")
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
    env: dict[str, str] = {}
    git = [argument for name, value in OVERRIDES.items() for argument in ("-c", f"{name}={value}")]
    for role in ("AUTHOR", "COMMITTER"):
        # Without `useConfigOnly`, git would make up an address from the name of the machine.
        if run(project, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT").returncode:
            env |= {f"GIT_{role}_NAME": author_name, f"GIT_{role}_EMAIL": author_email or NO_EMAIL}
    try:
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", message]):
            checked(project, *git, *command, env=env)
        return checked(project, "rev-parse", "HEAD")
    except ForgeError as error:
        raise ForgeError(f"{error} Mend that, or pass --no-git.") from error


def checked(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "", strip: bool = True
) -> str:
    """What git prints.

    Args:
        folder: Where it runs.
        arguments: What follows `git`.
        env: Variables on top of the environment's own.
        stdin: What it reads.
        strip: Whether white space around the output is left out.

    Raises:
        ForgeError: With git's reason, if it fails.
    """
    result = run(folder, *arguments, env=env, stdin=stdin)
    if result.returncode:
        raise failed(result)
    return result.stdout.strip() if strip else result.stdout


def failed(result: subprocess.CompletedProcess[str]) -> ForgeError:
    """What to raise when git has failed."""
    return ForgeError(f"git failed ({reason(result)}).")


def reason(result: subprocess.CompletedProcess[str]) -> str:
    """The line in which git says what is wrong; it may advise after that."""
    lines = result.stderr.strip().splitlines() or ["no reason given"]
    return next((line for line in lines if line.startswith("fatal:")), lines[-1])


def run(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run git with arguments, variables and input as `checked` takes them, and leave a failure to the caller.

    What takes longer than the timeout, in seconds, is a failure too.

    What is not UTF-8, in names and contents of files, passes through as it is.
    """
    command = ["git", *NO_HOOKS, *arguments]
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            env={**_environment(), **(env or {})},
            input=stdin.encode(errors="surrogateescape"),
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"fatal: no answer in {timeout:.0f} seconds")
    out, err = (stream.decode(errors="surrogateescape") for stream in (result.stdout, result.stderr))
    return subprocess.CompletedProcess(result.args, result.returncode, out, err)


def _environment() -> dict[str, str]:
    """The environment without what a git hook sets for the repository that it was called in."""
    return {name: value for name, value in os.environ.items() if name not in _local_variables()} | {"LC_ALL": "C"}


@cache
def _local_variables() -> list[str]:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=False)
    return listed.stdout.split()
