"""How a worker, which knows no `await`, runs `async def` tasks: in one event loop for each of its processes."""

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
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
        loop, call = self.get(), _Call(coroutine)
        try:
            loop.call_soon_threadsafe(call.start)
            call.ended.acquire()
        except BaseException:
            loop.call_soon_threadsafe(call.cancel)
            if not call.over:
                call.ended.acquire(timeout=CANCEL_GRACE)
            raise
        return call.outcome()


class _Call:
    """A coroutine that another thread waits for.

    `asyncio.run_coroutine_threadsafe` does the same at twice the price: it goes round the loop three times.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.task: asyncio.Task[None] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.over = False
        self.ended = threading.Lock()
        self.ended.acquire()

    def start(self) -> None:
        """Begin; this and what follows runs in the loop's thread."""
        self.task = asyncio.get_running_loop().create_task(self._run())

    def cancel(self) -> None:
        if self.task:
            self.task.cancel()

    async def _run(self) -> None:
        try:
            self.result = await self.coroutine
        except BaseException as error:
            # `SystemExit` too: it would end the loop's thread, and every later task would wait for it.
            self.error = error
        finally:
            self.over = True
            self.ended.release()

    def outcome(self) -> Any:
        """Return what the coroutine has returned, or raise what it has raised."""
        if isinstance(self.error, asyncio.CancelledError):
            raise CancelledError from self.error
        if self.error:
            raise self.error
        return self.result


event_loop = EventLoop()


def bridge(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Return a function that runs a coroutine function to its end."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return event_loop.run(function(*args, **kwargs))

    return run
