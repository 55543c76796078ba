"""Which files belong to the user once they are written: those that copier.yml leaves out of an update."""

from __future__ import annotations

from collections.abc import Mapping

from forge_cli import questions
from forge_cli.questions import Answer


def owned(answers: Mapping[str, Answer]) -> set[str]:
    """The paths that a project with these answers owns.

    Args:
        answers: Every answer.

    Returns:
        Paths from the root of the project. They are written out in copier.yml, which has no patterns for them.
    """
    config = questions.config()
    first, later = (_patterns(config.get("_exclude", []), answers, operation) for operation in ("copy", "update"))
    return {
        path.lstrip("/") for path in (later - first) | _patterns(config.get("_skip_if_exists", []), answers, "copy")
    }


def _patterns(entries: list[str], answers: Mapping[str, Answer], operation: str) -> set[str]:
    context = {**answers, "_copier_operation": operation}
    lines = (line.strip() for entry in entries for line in str(questions.render(entry, context)).splitlines())
    return {line for line in lines if line}
