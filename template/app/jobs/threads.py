"""Calls that block, from `async def` code."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

T = TypeVar("T")

# Threads of their own: a broker that hangs must not take those that other endpoints run in.
_limiter = CapacityLimiter(10)
LIMIT = 5.0  # seconds; drivers give up earlier, and this bounds what they try again


async def in_a_thread(call: Callable[[], T]) -> T:
    """Make a blocking call beside the event loop.

    Raises:
        TimeoutError: It took longer than `LIMIT`. It may have had its effect all the same.
    """
    with anyio.fail_after(LIMIT):
        return await to_thread.run_sync(call, limiter=_limiter, abandon_on_cancel=True)


def refuse_event_loop(instead: str) -> None:
    """Raise an error in a thread that runs an event loop, which a blocking call would hold.

    Args:
        instead: What to await there.

    Raises:
        RuntimeError: This thread runs an event loop.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    message = f"This call blocks: in `async def` code, await `{instead}`."
    raise RuntimeError(message)
