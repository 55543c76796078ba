"""Time one way of enqueuing: `python publish.py WAY COUNT [MODULE:NAME.ATTRIBUTE...]`.

The functions that are named after the count are timed by themselves.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from operator import attrgetter
from typing import Any

from calls import sender

WARM_UP = 200


class Part:
    """The time spent in some functions."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def watch(self, where: str) -> None:
        """Time a function of a module, or a method of a class in it."""
        module, _, path = where.partition(":")
        owner_path, _, name = path.rpartition(".")
        owner = importlib.import_module(module)
        owner = attrgetter(owner_path)(owner) if owner_path else owner
        setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.cpu += time.process_time() - cpu
                self.wall += time.perf_counter() - wall

        return timed


def main(way: str, count: int, watched: list[str]) -> None:
    """Print the microseconds of a call, by the clock and of the CPU, and those of the watched part."""
    part = Part()
    send = sender(way)
    for where in watched:
        part.watch(where)
    for _ in range(WARM_UP):
        send()
    part.wall = part.cpu = 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        send()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    parts = {"wall": wall, "cpu": cpu, "part_wall": part.wall, "part_cpu": part.cpu}
    print(json.dumps({name: seconds / count * 1e6 for name, seconds in parts.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
