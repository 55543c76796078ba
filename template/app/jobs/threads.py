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
# Seconds for a call that enqueues: a broker that hangs would hold it for four, while a driver tries new connections.
SEND_LIMIT = 2.0


async def in_a_thread(call: Callable[[], T], limit: float = LIMIT) -> T:
    """Make a blocking call beside the event loop, for `limit` seconds at most.

    Raises:
        TimeoutError: It took longer. It may have had its effect all the same.
    """
    with anyio.fail_after(limit):
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
