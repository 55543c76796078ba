"""YAML that somebody else has written, where the parser may fail in more ways than its own."""

from __future__ import annotations

from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is six times faster; both are safe


class NotYamlError(Exception):
    """A text is not YAML. Its message is the place, as a part of a sentence, where that is known."""


def load(text: str) -> Any:
    """What a text in YAML says.

    Raises:
        NotYamlError: If it says nothing that can be understood.
    """
    try:
        return yaml.load(text, LOADER)  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        # Not only YAMLError: a date such as 2026-99-99 or a number of thousands of digits is a ValueError.
        mark = getattr(error, "problem_mark", None)
        raise NotYamlError(f" (line {mark.line + 1})" if mark else "") from error
