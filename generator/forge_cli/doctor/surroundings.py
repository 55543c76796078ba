"""What the project's own files say of it, whatever state its environment is in."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from forge_cli import answers_file, git, trust, yaml_text
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
        return cls(root, recorded.name, _dotenv(root / ".env"))

    @property
    def environment(self) -> str:
        """Its ENVIRONMENT, which is development when nothing says otherwise, as for every command of a developer."""
        return self.variable("ENVIRONMENT") or "development"

    @property
    def is_in_development(self) -> bool:
        """Whether secrets that everybody knows may serve here."""
        return self.environment == "development"

    @cached_property
    def committed(self) -> str | None:
        """What of its environment git tracks, as a path from its root; it came from whoever made the repository."""
        environment = self.python.parents[1]
        parts = {environment, self.folder / ".uv", *map(_followed, (environment, self.python, self.private_uv))}
        inside = [place.relative_to(self.folder) for place in parts if place.is_relative_to(self.folder)]
        # In any case, as some file systems do not tell `.VENV` from `.venv`.
        wanted = [f":(icase,literal){path}" for path in inside if path.parts]
        if not git.is_installed():
            return None
        tracked = git.run(self.folder, "ls-files", "-z", "--", *wanted).stdout.split("\0")[0]
        return tracked or None

    @cached_property
    def may_run(self) -> bool:
        """Whether its own programs and its own code may run here."""
        return trust.is_trusted(self.folder) and self.committed is None

    @property
    def private_uv(self) -> Path:
        """The uv that its Makefile gets for it, which may not be there."""
        return self.folder / ".uv" / "bin" / "uv"

    @property
    def python(self) -> Path:
        """The Python of its environment, which may not be there."""
        return self.folder / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv") / "bin" / "python"

    def has(self, path: str) -> bool:
        """Whether it has a file or a directory."""
        return (self.folder / path).exists()

    def text(self, path: str) -> str:
        """A file's text; nothing when there is no such file."""
        return _text(self.folder / path)

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
        except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError too
            raise ForgeError(f"`pyproject.toml` is not TOML: {error}.") from error

    @cached_property
    def compose(self) -> dict[str, Any]:
        """The content of compose.yaml, its variables as they are written; empty when there is none.

        Raises:
            ForgeError: If it cannot be read.
        """
        try:
            content = yaml_text.load(self.text("compose.yaml"))
        except yaml_text.NotYamlError as error:
            raise ForgeError(f"`compose.yaml` is not YAML{error}.") from error
        return content if isinstance(content, dict) else {}

    def filled_in(self, text: str) -> str:
        """A text with its `${VARIABLE:-default}` replaced, as Compose does it."""

        def value(found: re.Match[str]) -> str:
            default = (found["default"] or "").lstrip(":").removeprefix("-")
            return self.variable(found["name"] or found["plain"]) or default

        return VARIABLE.sub(value, text)


def _dotenv(file: Path) -> dict[str, str]:
    found = [LINE.fullmatch(line) for line in _text(file).splitlines() if not line.lstrip().startswith("#")]
    return {match["name"]: _plain(match["value"]) for match in found if match}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""  # and no pipe or device
    except OSError:
        return ""


def _followed(place: Path) -> Path:
    """Where a path leads to."""
    return Path(os.path.realpath(place))


def _plain(value: str) -> str:
    if value[:1] in {"'", '"'} and value.find(value[0], 1) > 0:
        return value[1 : value.index(value[0], 1)]
    return re.split(r"\s+#", value, maxsplit=1)[0]
