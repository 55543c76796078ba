"""What CHANGELOG.md says of the releases between two versions: https://keepachangelog.com/en/1.1.0/."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import Version

from forge_cli.repository import Repository, Revision

HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\].*$", re.MULTILINE)
FOLLOWS = re.compile(r"-\d+-g[0-9a-f]+$")  # a release, as `git describe` names what comes after it
UNRELEASED = "Unreleased"


@dataclass(frozen=True)
class Entry:
    """One release's entry."""

    name: str
    text: str


def between(repository: Repository, old: Revision, new: Revision) -> list[Entry]:
    """The entries that an update goes through, the newest first.

    Args:
        repository: Whose CHANGELOG.md is read, as it is in the new version.
        old: Where the update begins.
        new: Where it ends. What is not released counts only if this is not a release.
    """
    text = repository.text(new, "CHANGELOG.md") or ""
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), None]
    entries = [Entry(h["name"], text[h.end() : end].strip()) for h, end in zip(headings, ends, strict=False)]
    return [entry for entry in entries if entry.text and _lies_between(entry.name, old, new)]


def _lies_between(name: str, old: Revision, new: Revision) -> bool:
    if name == UNRELEASED:
        return bool(FOLLOWS.search(new.name))
    version, before, after = _version(name), _released(old), _released(new)
    if not version or (before and version <= before):
        return False
    return not after or version <= after


def _released(revision: Revision) -> Version | None:
    """The release that a revision is or follows; None for one that is only known as a commit."""
    return _version(FOLLOWS.sub("", revision.name)) if revision.name.startswith("v") else None


def _version(name: str) -> Version | None:
    try:
        return Version(name)
    except ValueError:  # it is not a version, or one of thousands of digits
        return None
