"""The terminal that a question needs."""

from __future__ import annotations

import sys


def can_ask() -> bool:
    """Whether somebody can read a question and answer it."""
    return all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout))  # closed by a caller, they are None
