"""Time one way of enqueuing: `python publish.py delay|push_task COUNT`.

What `push_task` spends on the record of the job is all of `records.push` but `Job.publish`.
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


class Watched:
    """The seconds spent in a function or method of the project."""

    def __init__(self, module: str, path: str) -> None:
        owner_path, _, name = path.rpartition(".")
        owner = importlib.import_module(module)
        owner = attrgetter(owner_path)(owner) if owner_path else owner
        setattr(owner, name, self._timed(getattr(owner, name)))
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.wall = self.cpu = 0.0

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


def main(way: str, count: int) -> None:
    """Print the microseconds of a call, by the clock and of the CPU, and those of the record."""
    send = sender(way)
    watched = (
        [Watched("app.jobs.records", "push"), Watched("app.jobs.job", "Job.publish")] if way == "push_task" else []
    )
    for _ in range(WARM_UP):
        send()
    for part in watched:
        part.reset()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        send()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    seconds = {"wall": wall, "cpu": cpu, "record_wall": 0.0, "record_cpu": 0.0}
    if watched:
        push, publish = watched
        seconds |= {"record_wall": push.wall - publish.wall, "record_cpu": push.cpu - publish.cpu}
    print(json.dumps({name: value / count * 1e6 for name, value in seconds.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
