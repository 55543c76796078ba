"""Git, whatever settings the user has and wherever Forge runs.

A project's own repository may come from somebody else, in an archive. The user's configuration is trusted; that of the
repository is not, for anything that would run a program, write outside it or reach for a network.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from forge_cli import trust
from forge_cli.errors import ForgeError

# Settings of the user that are right for their own commits and would stop or change this one.
OVERRIDES = {
    "commit.gpgSign": "false",
    "core.excludesFile": os.devnull,
    "init.defaultBranch": "main",
}
NO_EMAIL = "noreply@localhost"
# What no repository may say otherwise, whatever git is asked.
PROTECTION = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,  # hooks are for the user's own commits
    "safe.bareRepository": "explicit",  # a directory of a project is not a repository because it looks like one
    "submodule.recurse": "false",
}
# An object that is missing is not fetched, by a transport that the repository names; and what is only read is not
# written, as `git status` does with the index, which may be a link.
OFFLINE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
# What git says of a directory that is in no repository, and of a repository that belongs to somebody else.
NONE = "fatal: not a git repository (or any "
DUBIOUS = re.compile(r"dubious ownership in repository at '(.*)'")
TRANSPORTS = "file:git:http:https:ssh"
# The programs in git's configuration that may run when git looks into files. The others that it knows (diffs, merges,
# pagers, editors, signatures, transports) have no part in what Forge does in a project.
PROGRAMS = r"^(filter\..+\.(clean|smudge|process)|hook\..+)$"


def is_installed() -> bool:
    """Whether there is a git to run."""
    return shutil.which("git") is not None


def surrounding_repository(folder: Path) -> Path | None:
    """The working tree that a directory lies in, if any.

    Raises:
        ForgeError: If there is a repository that git does not open, with git's reason.
    """
    top = run(folder, "rev-parse", "--show-toplevel")
    if top.returncode == 0:
        return Path(top.stdout.removesuffix("\n"))
    if NONE in top.stderr:
        return None
    if owned := DUBIOUS.search(top.stderr):
        remedy = f"git config --global --add safe.directory {shlex.quote(owned[1])}"
        raise ForgeError(f"git refuses `{owned[1]}`, which belongs to another user. If you trust it: `{remedy}`.")
    raise ForgeError(f"git does not open the repository of `{folder}` ({reason(top)}).")


def opens_repository(folder: Path) -> bool:
    """Whether a directory lies in a working tree, and git opens it."""
    return run(folder, "rev-parse", "--show-toplevel").returncode == 0


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
    git = _options(OVERRIDES)
    try:
        checked(project, *git, "init", "--quiet")
        for role in ("AUTHOR", "COMMITTER"):
            # Without `useConfigOnly`, git would make up an address from the name of the machine.
            if run(project, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT").returncode:
                env |= {f"GIT_{role}_NAME": author_name, f"GIT_{role}_EMAIL": author_email or NO_EMAIL}
        for command in (["add", "--all"], ["commit", "--quiet", "--message", message]):
            checked(project, *git, *command, env=env)
        return checked(project, "rev-parse", "HEAD")
    except ForgeError as error:
        raise ForgeError(f"{error} Fix that, or pass --no-git.") from error


def online() -> dict[str, str]:
    """The variables with which git may reach for a repository; in GIT_ALLOW_PROTOCOL, the user may allow others."""
    return {"GIT_ALLOW_PROTOCOL": os.environ.get("GIT_ALLOW_PROTOCOL", TRANSPORTS), "GIT_NO_LAZY_FETCH": "0"}


def on_files(project: Path, *arguments: str, stdin: str = "") -> str:
    """What git prints where it looks into a project's files, for which the repository may name programs.

    They run only if the user trusts the project. Otherwise the user's own run in their place and, where there are none,
    git fails as soon as it needs one.

    Args:
        project: The root of the project.
        arguments: What follows `git`.
        stdin: What it reads.

    Raises:
        ForgeError: With git's reason, if it fails.
    """
    own = {} if trust.is_trusted(project) else _own_programs(project)
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(own)}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(own.values())}
    # As variables, because `-c` ends a name at its first `=`.
    result = run(project, *arguments, env={"GIT_CONFIG_COUNT": str(len(own)), **keys, **values}, stdin=stdin)
    if result.returncode and own:
        raise ForgeError(
            f"The git configuration of `{project}` names programs of its own, such as `{next(iter(own))}`, which run "
            f"only in a project that you trust ({reason(result)}). If you do: `forge trust {project}`."
        )
    if result.returncode:
        raise failed(result)
    return result.stdout


def links_written_through(project: Path) -> list[Path]:
    """What is a link, of the parts of the project's repository that Forge lets git write."""
    listed = checked(project, "rev-parse", "--git-path", "index", "--git-path", "objects", strip=False)
    index, objects = (project / path for path in listed.removesuffix("\n").split("\n"))
    return [place for place in (index, objects, *sorted(objects.glob("*"))) if place.is_symlink()]


def repository_elsewhere(project: Path) -> Path | None:
    """The repository of a project whose `.git` only says where that is, if it does not say the same of the project.

    A linked work tree and a submodule are known to their repositories. A file or a link in an archive can name any.
    """
    asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
    top, place, common = (Path(os.path.realpath(project / line(project, "rev-parse", each))) for each in asked)
    if place.is_relative_to(top):
        return None if common.is_relative_to(top) else common
    with contextlib.suppress(OSError, ValueError):
        if Path(os.path.realpath((place / "gitdir").read_text(encoding="utf-8").strip())) == top / ".git":
            return None
    worktree = run(project, "config", "--file", str(place / "config"), "core.worktree").stdout.removesuffix("\n")
    if worktree and Path(os.path.realpath(place / worktree)) == top:
        return None
    return place


def line(folder: Path, *arguments: str) -> str:
    """The one line that git prints, in which white space at an end may belong to a name.

    Raises:
        ForgeError: With git's reason, if it fails.
    """
    return checked(folder, *arguments, strip=False).removesuffix("\n")


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
    command = ["git", *_options(PROTECTION), *arguments]
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            env={**_environment(), **OFFLINE, **(env or {})},
            input=stdin.encode(errors="surrogateescape"),
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"fatal: no answer in {timeout:.0f} seconds")
    except ValueError:  # a null character, or half of one
        return subprocess.CompletedProcess(command, 1, "", "fatal: no name or address can have such characters")
    out, err = (stream.decode(errors="surrogateescape") for stream in (result.stdout, result.stderr))
    return subprocess.CompletedProcess(result.args, result.returncode, out, err)


def _own_programs(project: Path) -> dict[str, str]:
    """The programs that the project's configuration adds to the user's own, each with what is to stand in its place."""
    listed = run(project, "config", "-z", "--show-scope", "--get-regexp", PROGRAMS).stdout.split("\0")
    users: dict[str, str] = {}
    projects: set[str] = set()
    for scope, entry in zip(listed[::2], listed[1::2], strict=False):  # what ends the last one follows it
        key, _, value = entry.partition("\n")
        if scope in ("local", "worktree"):
            projects.add(key)
        else:
            users[key] = value
    replaced: dict[str, str] = {}
    for driver in sorted({key.rpartition(".")[0] for key in projects}):
        if driver.startswith("hook."):
            replaced[f"{driver}.enabled"] = "false"
            continue
        replaced |= {key: users.get(key, "") for key in projects if key.startswith(f"{driver}.")}
        replaced[f"{driver}.required"] = "true"
    return replaced


def _options(settings: Mapping[str, str]) -> list[str]:
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]


def _environment() -> dict[str, str]:
    """The environment without what a git hook sets for the repository that it was called in."""
    return {name: value for name, value in os.environ.items() if name not in _local_variables()} | {"LC_ALL": "C"}


@cache
def _local_variables() -> list[str]:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=False)
    return listed.stdout.split()
