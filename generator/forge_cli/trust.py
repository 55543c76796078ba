"""The projects whose own code this user lets Forge run here. A project itself cannot say that it is one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def is_trusted(project: Path) -> bool:
    """Whether the user has agreed to run what a project has in it."""
    try:
        return _record(project).is_file()
    except (OSError, RuntimeError):  # there is no home directory
        return False


def add(project: Path) -> None:
    """Remember that the user agrees.

    Raises:
        OSError: If it cannot be written down.
    """
    record = _record(project)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(f"{project.resolve()}\n", encoding="utf-8", errors="surrogateescape")


def remove(project: Path) -> None:
    """Forget that the user agrees.

    Raises:
        OSError: If it cannot be forgotten.
    """
    _record(project).unlink(missing_ok=True)


def _record(project: Path) -> Path:
    """A file for each project, so that two commands never write the same one."""
    state = os.environ.get("XDG_STATE_HOME", "")
    root = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return root / "forge" / "trusted" / hashlib.sha256(os.fsencode(project.resolve())).hexdigest()
