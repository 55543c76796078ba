"""Wait for something to become true, up to a deadline."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")

# The limits in the tests are those of a quiet machine. They tell "late" from "never", and a busy one is only late.
PATIENCE = 3


def wait_for(what: str, probe: Callable[[], T | Literal[False] | None], *, within: float, every: float = 0.05) -> T:
    """Call `probe` until it returns something true, and return that; an exception counts as "not yet"."""
    within *= PATIENCE
    deadline = time.monotonic() + within
    while True:
        seen: object
        try:
            value = probe()
            if value:
                return value
            seen = value
        except Exception as error:
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s; last seen: {seen!r}")
        time.sleep(every)
