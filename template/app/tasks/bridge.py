"""How a worker, which knows no `await`, runs `async def` tasks: in one event loop for each of its processes."""

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

CANCEL_GRACE = 5.0  # seconds that a cancelled coroutine gets to clean up


class EventLoop:
    """One event loop for each process, in a thread of its own, started when the first `async def` task runs.

    A loop for each call (`asyncio.run`) would break every pooled connection of the call before.
    """

    def __init__(self) -> None:
        """Start nothing: a thread does not survive the fork of a worker's processes."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def get(self) -> asyncio.AbstractEventLoop:
        """Return this process's running loop."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._loop.run_forever, name="tasks", daemon=True).start()
            return self._loop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end; a time limit that strikes meanwhile cancels it."""
        ended = threading.Event()

        async def until_the_end() -> Any:
            try:
                return await coroutine
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(until_the_end(), self.get())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            ended.wait(CANCEL_GRACE)
            raise


event_loop = EventLoop()


def bridge(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Return a function that runs a coroutine function to its end."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return event_loop.run(function(*args, **kwargs))

    return run
