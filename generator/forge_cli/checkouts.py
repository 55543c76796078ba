"""A checkout of Forge, which is only read, whoever owns it. The build uses this too, so it imports little."""

from __future__ import annotations

import re
from pathlib import Path

from forge_cli import addresses, git
from forge_cli.repository import TEMPLATE, Repository

# Who runs code of a checkout trusts it; git would refuse one that another user owns.
ANYBODYS = ("-c", "safe.directory=*")
TRACES = re.compile(r"(^|/)(__pycache__|\.[^/]*_cache|\.venv|\.DS_Store)(/|$)|\.py[co]$")
CREATE = "create %(refname) %(objectname)"


def is_checkout(folder: Path) -> bool:
    """Whether a directory is the root of a repository with a commit, and there is a git to read it."""
    if not ((folder / ".git").exists() and git.is_installed()):
        return False
    return not git.run(folder, *ANYBODYS, "rev-parse", "--verify", "--quiet", "HEAD").returncode


def address(checkout: Path) -> str:
    """What the checkout was cloned from, without credentials, or else where it is."""
    origin = git.run(checkout, *ANYBODYS, "remote", "get-url", "origin").stdout.strip()
    return addresses.to_record(origin or str(checkout), checkout)


def is_changed(checkout: Path) -> bool:
    """Whether the template is not what the commit says, apart from what tools leave behind."""
    only_read = ("--no-optional-locks", *ANYBODYS)
    status = git.checked(checkout, *only_read, "status", "--porcelain", "-z", "-uall", "--", *TEMPLATE, strip=False)
    return any(not TRACES.search(entry[3:]) for entry in status.split("\0") if entry)


def copy(checkout: Path, folder: Path) -> Repository:
    """Make a bare repository with the checkout's commit, branches and releases, whose objects it borrows.

    Args:
        checkout: The root of the checkout.
        folder: An empty directory.

    Returns:
        The repository.
    """
    objects, shallow, head = git.checked(
        checkout, *ANYBODYS, "rev-parse", "--git-path", "objects", "--git-path", "shallow", "HEAD"
    ).splitlines()
    refs = git.checked(checkout, *ANYBODYS, "for-each-ref", f"--format={CREATE}", "refs/heads", "refs/tags/v*")
    place = folder / ".git"  # as `safe.bareRepository` wants it
    git.checked(folder, "init", "--quiet", "--bare", "--template=", str(place))
    (place / "objects" / "info" / "alternates").write_text(f"{checkout.absolute() / objects}\n", encoding="utf-8")
    if (checkout / shallow).is_file():
        (place / "shallow").write_bytes((checkout / shallow).read_bytes())
    (place / "HEAD").write_text(f"{head}\n", encoding="utf-8")
    git.checked(folder, "update-ref", "--stdin", stdin=refs and f"{refs}\n")
    repository = Repository(folder)
    name_releases(repository)
    return repository


def is_shallow(copy: Repository) -> bool:
    """Whether a repository lacks a part of its history."""
    return (copy.path / ".git" / "shallow").exists()


def name_releases(copy: Repository) -> None:
    """Give each release that is only recorded its tag."""
    here = git.checked(copy.path, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags").split()
    for release in copy.releases().values():
        if release.name not in here:
            git.checked(copy.path, "update-ref", f"refs/tags/{release.name}", release.commit)


def settings(checkout: Path) -> dict[str, str]:
    """What the checkout knows of its origin, as variables that let another repository fetch from there too."""
    listed = git.run(checkout, *ANYBODYS, "config", "--local", "-z", "--get-regexp", r"^(remote|http|credential|url)\.")
    pairs = [entry.split("\n", 1) for entry in listed.stdout.split("\0") if "\n" in entry]
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(pairs)}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(pairs)}
    return {"GIT_CONFIG_COUNT": str(len(pairs)), **keys, **values}
