"""`.copier-answers.yml`: what a project was made from, and with which answers."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forge_cli import yaml_text
from forge_cli.errors import ForgeError, UsageError

NAME = ".copier-answers.yml"
OWN_KEYS = re.compile(r"^_(commit|src_path):.*\n(?:[ \t]+.*\n)*", re.MULTILINE)  # a long value goes on, indented


@dataclass(frozen=True)
class Recorded:
    """What an answers file says. A project that was made without git has neither address nor version."""

    address: str | None
    version: str | None
    name: str
    answers: dict[str, Any]


def read(project: Path) -> Recorded:
    """Read a project's answers file.

    Args:
        project: The root of the project.

    Raises:
        UsageError: If the directory is not a project that Forge made.
        ForgeError: If the file cannot be understood, or is a link to another.
    """
    file = project / NAME
    if file.is_symlink():
        raise ForgeError(f"`{file}` is a link, and the answers of a project are a file of its own. Put the file there.")
    if not file.is_file():
        missing = "is not a Forge project: it has no `.copier-answers.yml`" if project.is_dir() else "does not exist"
        raise UsageError(f"`{project}` {missing}.")
    try:
        content = yaml_text.load(file.read_text(encoding="utf-8"))
    except (yaml_text.NotYamlError, UnicodeDecodeError) as error:
        place = str(error) if isinstance(error, yaml_text.NotYamlError) else ""
        raise ForgeError(f"`{file}` is not YAML{place}. Restore it with `git checkout -- {NAME}`.") from error
    if not isinstance(content, dict) or "project_name" not in content:
        raise ForgeError(f"`{file}` holds no answers. Restore it with `git checkout -- {NAME}`.")
    address, version, name = (_text(file, key, content.get(key)) for key in ("_src_path", "_commit", "project_name"))
    return Recorded(
        address=address,
        version=version,
        name=name or "",
        answers={key: value for key, value in content.items() if isinstance(key, str) and not key.startswith("_")},
    )


def check_rendered(folder: Path) -> None:
    """Refuse what a template has made in place of its answers file, which is read and written from then on.

    Args:
        folder: The root of the rendered project.

    Raises:
        ForgeError: If it is anything but a file.
    """
    file = folder / NAME
    if os.path.lexists(file) and (file.is_symlink() or not file.is_file()):
        kind = "link" if file.is_symlink() else "directory"
        raise ForgeError(f"The template makes `{NAME}` a {kind}, and it has to be a file. Use another template.")


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


def _text(file: Path, key: str, value: object) -> str | None:
    """A recorded value as text: YAML takes a version such as 1.0 for a number."""
    if value is None:
        return None
    with contextlib.suppress(ValueError):  # a number of thousands of digits
        if isinstance(value, str | int | float):
            return str(value)
    raise ForgeError(f"`{key}` in `{file}` is not text. Restore it with `git checkout -- {NAME}`.")
