"""Time a `def` and an `async def` task, called in one process: `python call.py COUNT`."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from calls import ARGUMENTS, task

WARM_UP = 500


async def nothing() -> None:
    """Do nothing."""


def in_a_loop_of_its_own() -> None:
    """Run a coroutine as most documents show."""
    asyncio.run(nothing())


def in_a_thread() -> Callable[[], None]:
    """Return a call that runs a coroutine in a loop's thread with what the standard library has."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return lambda: asyncio.run_coroutine_threadsafe(nothing(), loop).result()


def microseconds(call: Callable[[], object], count: int) -> dict[str, float]:
    """Return what one call costs, by the clock and of the CPU, that of all threads."""
    for _ in range(WARM_UP):
        call()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"wall": wall / count * 1e6, "cpu": cpu / count * 1e6}


def main(count: int) -> None:
    """Print the costs of both kinds, and of a coroutine without Celery."""
    calls: dict[str, Callable[[], object]] = {name: partial(task(name), **ARGUMENTS) for name in ("noop", "noop_async")}
    calls |= {"asyncio.run": in_a_loop_of_its_own, "thread": in_a_thread()}
    print(json.dumps({name: microseconds(call, count) for name, call in calls.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
