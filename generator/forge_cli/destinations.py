"""Where a project goes: made beside the place, moved there at the end, and nothing left behind when it fails."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forge_cli.errors import ForgeError
from forge_cli.interrupts import uninterrupted

# A colon ends an entry of PATH, a question mark the path in an address, a line a setting, and `%` is alembic.ini's own.
UNUSABLE = re.compile(r"[:?%\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Plan:
    """What to move where, and the files that are there already and stay as they are."""

    moves: list[tuple[Path, Path]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def check(destination: Path, *, force: bool) -> bool:
    """Refuse a destination that cannot take a project.

    Args:
        destination: The directory to make or to fill.
        force: Whether it may hold files.

    Returns:
        Whether it holds files.

    Raises:
        ForgeError: If it cannot be made, is a file or a project, or is not empty and `force` is false.
    """
    place = str(destination.absolute())
    if found := UNUSABLE.search(place):
        raise ForgeError(
            f"The path `{place}` holds {found[0]!r}, with which a virtual environment, an address or a file of "
            "settings cannot work. Pick another place."
        )
    parent = _nearest(destination)
    if not parent.exists():
        raise ForgeError(f"`{parent}` is a link that leads nowhere. Remove it, or pick another name.")
    if not parent.is_dir():
        raise ForgeError(f"`{parent}` is a file. Pick another name.")
    if parent != destination:
        return False
    if os.path.lexists(destination / ".copier-answers.yml"):
        raise ForgeError(f"`{destination}` is a project already. Change it with `forge update`.")
    occupied = any(destination.iterdir())
    if occupied and not force:
        raise _not_empty(destination)
    return occupied


@contextmanager
def staging(destination: Path | None) -> Iterator[Path]:
    """A directory to work in, removed at the end whatever happens.

    Args:
        destination: The place that the work will be moved to, on whose file system the directory is; None for any.

    Yields:
        The directory.
    """
    with uninterrupted():
        folder = Path(tempfile.mkdtemp(prefix=".forge-", dir=_nearest(destination).absolute() if destination else None))
    try:
        yield folder
    finally:
        with uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)


def plan(rendered: Path, destination: Path, *, force: bool) -> Plan:
    """Find what of a rendered project can be moved to the destination without touching what is there.

    Args:
        rendered: The project in its staging directory.
        destination: Where it is to be.
        force: Whether files may be there.

    Returns:
        The moves, as few as possible: one if the destination does not exist.

    Raises:
        ForgeError: If a link, a file in place of a directory, or without `force` any file is in the way.
    """
    result = Plan()
    _add(result, rendered, destination, Path())
    if result.kept and not force:  # it was empty when the work began
        raise _not_empty(destination)
    return result


def carry_out(plan: Plan, destination: Path) -> None:
    """Move a project in place: all of it or, if a move fails, none of it.

    Args:
        plan: The moves.
        destination: Whose missing parents are made.

    Raises:
        OSError: If the file system refuses. What was moved is moved back before.
    """
    missing = [folder for folder in reversed(destination.absolute().parents) if not folder.exists()]
    made: list[Path] = []
    moved: list[tuple[Path, Path]] = []
    with uninterrupted():
        try:
            for folder in missing:
                folder.mkdir()
                made.append(folder)
            for source, target in plan.moves:
                source.rename(target)
                moved.append((source, target))
        except OSError:
            for source, target in reversed(moved):
                target.rename(source)
            for folder in reversed(made):
                folder.rmdir()
            raise


def files(folder: Path) -> list[str]:
    """The files in a directory, links included, as paths from there in their order."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()
    )


def _add(result: Plan, source: Path, destination: Path, path: Path) -> None:
    target = destination / path
    if not os.path.lexists(target):
        result.moves.append((source, target))
    elif _is_folder(source) and (_is_folder(target) or not path.parts):  # the destination itself may be a link
        for entry in sorted(source.iterdir()):
            _add(result, entry, destination, path / entry.name)
    elif _is_folder(source) or _is_folder(target):
        kind = "directory" if _is_folder(source) else "file"
        raise ForgeError(f"`{target}` is in the way of a {kind} of the project. Move it, or pick another name.")
    else:
        result.kept.append(path.as_posix())


def _not_empty(destination: Path) -> ForgeError:
    return ForgeError(f"`{destination}` is not empty. Pick another name, or pass --force.")


def _is_folder(path: Path) -> bool:
    """Whether it is a directory and not a link to one, through which writes would leave the destination."""
    return path.is_dir() and not path.is_symlink()


def _nearest(path: Path) -> Path:
    """The path itself or the nearest of its parents that exists, be it a file or a broken link."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))
