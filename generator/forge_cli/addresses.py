"""Where a template is: what people write, what git clones, and what is recorded, never with credentials."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from forge_cli.errors import UsageError

ALIASES = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
REMOTE = re.compile(r"[^/\s]+:")  # a URL, an alias, or `host:path` as SSH has it
# What Copier takes for a repository without being told: copier-org/copier, `_vcs.py`.
KNOWN = ("git@", "git://", "https://github.com/", "https://gitlab.com/")


def check(address: str) -> None:
    """Refuse what can be no address, such as one in a file that somebody else has written.

    Raises:
        UsageError: If there cannot be anything there.
    """
    try:
        possible = "\0" not in to_clone(address) + to_record(address)
    except (OSError, RuntimeError, ValueError):  # a user without a home directory, half of an IPv6 address
        possible = False
    if not possible:
        raise UsageError(f"`{address}` is not the address of a template. Write a path, a URL or `gh:owner/name`.")


def to_clone(address: str) -> str:
    """An address as git understands it, credentials included."""
    plain = address.removeprefix("git+")
    for alias, site in ALIASES.items():
        if plain.startswith(alias):
            return f"{site}{plain.removeprefix(alias).strip('/').removesuffix('.git')}.git"
    return plain if REMOTE.match(plain) else str(Path(plain).expanduser().absolute())


def to_record(address: str, folder: Path | None = None) -> str:
    """An address as Copier finds the template by it, from any directory and for anybody.

    Args:
        address: A path, a URL or an alias such as `gh:`.
        folder: What a relative path starts from; the current directory when it is None.

    Returns:
        The address without a name or password for HTTP, and without a password for anything else.
    """
    plain = address.removeprefix("git+")
    if plain.startswith(tuple(ALIASES)):
        return plain
    if not REMOTE.match(plain):
        return _path((folder or Path.cwd()) / Path(plain).expanduser())
    if "://" in plain:
        parts = urlsplit(plain)
        if parts.scheme == "file":
            return _path(Path(unquote(parts.path)))
        user, _, host = parts.netloc.rpartition("@")
        keeps_user = user and "ssh" in parts.scheme
        netloc = f"{user.partition(':')[0]}@{host}" if keeps_user else host
        plain = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    return plain if plain.endswith(".git") or plain.startswith(KNOWN) else f"git+{plain}"


def without_credentials(text: str) -> str:
    """A message of git's, with nothing in its URLs that only their owner may know."""
    return re.sub(r"(://)[^/@\s]*@|\?[^\s'?]+=[^\s']*", r"\1", text)


def _path(path: Path) -> str:
    path = path.resolve()
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and not path.name.endswith(".git")
    return f"git+file://{quote(str(path))}" if bare else str(path)
