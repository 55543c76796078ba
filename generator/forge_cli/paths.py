"""Paths that somebody else has written, in a template, an archive or a journal: looked at before they are used."""

from __future__ import annotations

import os
import re
from pathlib import Path

from forge_cli.errors import ForgeError

# What names `.git` for some file system: HFS+ leaves these characters out, NTFS what ends a name, and has a short name.
LEFT_OUT = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
GITS_OWN = re.compile(r"(\.git|git~\d+)[ .]*(:.*)?", re.IGNORECASE | re.DOTALL)
PLAIN = re.compile(r"\w[\w.-]*")


def is_plain_name(name: str) -> bool:
    """Whether a name is one directory's, neither hidden nor an option of a program."""
    return bool(PLAIN.fullmatch(name)) and not is_gits_own(name)


def is_gits_own(name: str) -> bool:
    """Whether a part of a path is git's directory, on this file system or on another."""
    return any(GITS_OWN.fullmatch(part) for part in name.translate(LEFT_OUT).split("\\"))


def is_inside(path: object) -> bool:
    """Whether something is the path of a file in a project, relative to its root and not git's own."""
    if not isinstance(path, str) or "\0" in path:
        return False
    return all(part not in ("", ".", "..") and not is_gits_own(part) for part in path.split("/"))


def obstacle(root: Path, path: str) -> str | None:
    """What is not a directory of its own on the way to a path, so that a write would go elsewhere or nowhere.

    Args:
        root: Where the path begins.
        path: A relative path, which need not be there.

    Returns:
        The first link or file in place of a directory, as a path from the root.
    """
    for folder in [place.as_posix() for place in reversed(Path(path).parents) if place.parts]:
        place = root / folder
        if place.is_symlink() or (os.path.lexists(place) and not place.is_dir()):
            return folder
    return None


def check_rendered(root: Path) -> None:
    """Refuse what a template has made if it could do harm by only being there.

    Args:
        root: The rendered project, in which nothing has been used yet.

    Raises:
        ForgeError: If something in it is git's own, or a link that leads out of it.
    """
    for folder, folders, files in os.walk(root):
        place = Path(folder)
        if _is_repository({name.lower() for name in [*folders, *files]}):
            raise _refused(place.relative_to(root).as_posix(), "is what git takes for a repository")
        for name in [*folders, *files]:
            path = (place / name).relative_to(root).as_posix()
            if is_gits_own(name):
                raise _refused(path, "belongs to git")
            if (place / name).is_symlink() and not _stays_inside(root, path):
                raise _refused(path, "is a link that leads out of the project")


def _refused(path: str, why: str) -> ForgeError:
    return ForgeError(f"The template makes `{path}`, which {why}. Take it out of the template, or use another one.")


def _is_repository(names: set[str]) -> bool:
    """Whether a directory with these names in it is one of git's, whatever it is called."""
    return "head" in names and ({"objects", "refs"} <= names or "commondir" in names)


def _stays_inside(root: Path, path: str) -> bool:
    """Whether a link leads to a place in the project, as it is written and as the file system follows it."""
    target = (root / path).readlink()
    written = os.path.normpath(Path(path).parent / target)
    if target.is_absolute() or not (written == "." or is_inside(Path(written).as_posix())):
        return False
    return Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root))
