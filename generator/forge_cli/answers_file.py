"""`.copier-answers.yml`: what a project was made from, and with which answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forge_cli.errors import ForgeError, UsageError

NAME = ".copier-answers.yml"
OWN_KEYS = re.compile(r"^_(commit|src_path):.*\n(?:[ \t]+.*\n)*", re.MULTILINE)  # a long value goes on, indented


@dataclass(frozen=True)
class Recorded:
    """What an answers file says. A project that was made without git has neither address nor version."""

    address: str | None
    version: str | None
    answers: dict[str, Any]


def read(project: Path) -> Recorded:
    """Read a project's answers file.

    Args:
        project: The root of the project.

    Raises:
        UsageError: If the directory is no project that Forge made.
        ForgeError: If the file cannot be understood.
    """
    file = project / NAME
    if not file.is_file():
        missing = "is no project of Forge's: it has no `.copier-answers.yml`" if project.is_dir() else "does not exist"
        raise UsageError(f"`{project}` {missing}.")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise ForgeError(f"`{file}` is not YAML{place}. Restore it with `git checkout -- {NAME}`.") from error
    if not isinstance(content, dict) or "project_name" not in content:
        raise ForgeError(f"`{file}` holds no answers. Restore it with `git checkout -- {NAME}`.")
    return Recorded(
        address=_text(content.get("_src_path")),
        version=_text(content.get("_commit")),
        answers={str(key): value for key, value in content.items() if not str(key).startswith("_")},
    )


def stamp(folder: Path, address: str | None, revision: str | None) -> None:
    """Record where a project comes from, as Copier does when it renders from git; nothing if that is not known.

    Args:
        folder: The root of the project; without an answers file, nothing is recorded.
        address: What Copier finds the template by.
        revision: The name of the template's version.
    """
    file = folder / NAME
    if not file.is_file():
        return
    text = OWN_KEYS.sub("", file.read_text(encoding="utf-8"))
    comments, _, answers = text.partition("\n")  # the first line says what the file is
    known = {"_commit": revision, "_src_path": address} if address and revision else {}
    own = yaml.safe_dump(known, allow_unicode=True, width=10_000) if known else ""
    file.write_text(f"{comments}\n{own}{answers}", encoding="utf-8")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
