"""What was found: one sentence that says it, and one that says what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Level(Enum):
    """How much a finding matters: a problem keeps the project from running, or must not stay as it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What was looked at, such as `tools.uv`.
        text: What was found.
        remedy: What to do about it; nothing when all is well.
    """

    check: str
    level: Level
    text: str
    remedy: str | None = None


def fine(check: str, text: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Say that something is not as it should be, though the project runs."""
    return Finding(check, Level.WARNING, text, remedy)


def problem(check: str, text: str, remedy: str) -> Finding:
    """Say what keeps the project from running."""
    return Finding(check, Level.PROBLEM, text, remedy)


def graver(check: str, text: str, remedy: str, *, when: bool) -> Finding:
    """Say what is a problem under a condition, and a warning otherwise."""
    return (problem if when else warning)(check, text, remedy)


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found.

    Attributes:
        environment: The project's ENVIRONMENT: development, test or production.
        assumed: Whether that is only so because nothing says otherwise.
    """

    folder: Path
    name: str
    environment: str
    assumed: bool
    findings: list[Finding] = field(default_factory=list)

    def count(self, level: Level) -> int:
        """How many findings are of a level."""
        return sum(finding.level is level for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 when nothing keeps the project from running, otherwise 1."""
        return 1 if self.count(Level.PROBLEM) else 0
