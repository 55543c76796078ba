"""Whether this process has been told to stop: a server waits for every answer, and an answer may last for minutes."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import anyio


class _Told:
    """Set by the signal; each run of the application has an event of its own, in its own loop."""

    event: asyncio.Event | None = None


@contextmanager
def heard() -> Iterator[None]:
    """Hear the signals that stop a process in the block, beside the server that handles them."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    # In tests the application runs in another thread, which gets no signals.
    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    servers = {number: signal.getsignal(number) for number in numbers}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(event.set)
        server = servers[signal.Signals(number)]
        if callable(server):
            server(number, frame)

    for number, server in servers.items():
        if callable(server):
            signal.signal(number, told)
    _Told.event = event
    try:
        yield
    finally:
        _Told.event = None
        for number, server in servers.items():
            if signal.getsignal(number) is told:
                signal.signal(number, server)


async def within(seconds: float) -> bool:
    """Wait; return at once, and true, when this process is told to stop."""
    if _Told.event is None:
        await anyio.sleep(seconds)
        return False
    with anyio.move_on_after(seconds):
        await _Told.event.wait()
    return _Told.event is None or _Told.event.is_set()
