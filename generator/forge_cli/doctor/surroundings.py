"""What the project's own files say of it, whatever state its environment is in."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from forge_cli import answers_file
from forge_cli.errors import ForgeError

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<default>:?-[^}]*)?[^}]*\}|\$(?P<plain>\w+)")
LINE = re.compile(r"\s*(?:export\s+)?(?P<name>\w+)\s*=\s*(?P<value>.*?)\s*")


@dataclass(frozen=True)
class Project:
    """A project on disk.

    Attributes:
        folder: Its root.
        name: What its answers file calls it.
    """

    folder: Path
    name: str
    dotenv: dict[str, str] = field(repr=False)

    @classmethod
    def at(cls, folder: Path) -> Project:
        """Return the project in a directory.

        Raises:
            UsageError: If there is none.
        """
        recorded = answers_file.read(folder)
        root = folder.resolve()
        return cls(root, str(recorded.answers["project_name"]), _dotenv(root / ".env"))

    @property
    def environment(self) -> str:
        """Its ENVIRONMENT, which is development when nothing says otherwise, as for every command of a developer."""
        return self.variable("ENVIRONMENT") or "development"

    @property
    def is_in_development(self) -> bool:
        """Whether secrets that everybody knows may serve here."""
        return self.environment == "development"

    @property
    def python(self) -> Path:
        """The Python of its environment, which may not be there."""
        return self.folder / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv") / "bin" / "python"

    def has(self, path: str) -> bool:
        """Whether it has a file or a directory."""
        return (self.folder / path).exists()

    def text(self, path: str) -> str:
        """A file's text; nothing when there is no such file."""
        try:
            return (self.folder / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def variable(self, name: str) -> str:
        """A variable as the project reads it: from the environment, then from `.env`."""
        return os.environ.get(name) or self.dotenv.get(name, "")

    @cached_property
    def declared(self) -> dict[str, Any]:
        """The content of pyproject.toml.

        Raises:
            ForgeError: If it cannot be read.
        """
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError as error:
            raise ForgeError(f"`pyproject.toml` is not TOML: {error}.") from error

    @cached_property
    def compose(self) -> dict[str, Any]:
        """The content of compose.yaml, its variables as they are written; empty when there is none.

        Raises:
            ForgeError: If it cannot be read.
        """
        try:
            content = yaml.safe_load(self.text("compose.yaml"))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f" (line {mark.line + 1})" if mark else ""
            raise ForgeError(f"`compose.yaml` is not YAML{place}.") from error
        return content if isinstance(content, dict) else {}

    def filled_in(self, text: str) -> str:
        """A text with its `${VARIABLE:-default}` replaced, as Compose does it."""

        def value(found: re.Match[str]) -> str:
            default = (found["default"] or "").lstrip(":").removeprefix("-")
            return self.variable(found["name"] or found["plain"]) or default

        return VARIABLE.sub(value, text)


def _dotenv(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = [LINE.fullmatch(line) for line in lines if not line.lstrip().startswith("#")]
    return {match["name"]: _plain(match["value"]) for match in found if match}


def _plain(value: str) -> str:
    if value[:1] in {"'", '"'} and value.find(value[0], 1) > 0:
        return value[1 : value.index(value[0], 1)]
    return re.split(r"\s+#", value, maxsplit=1)[0]
