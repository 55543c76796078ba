"""What happens to servers: they are killed, start again on their port and their data, or stand still."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil

from tests.boot.processes import signal_all
from tests.boot.servers import Server

Outage = Callable[[Server], AbstractContextManager[None]]


def family(server: Server) -> list[psutil.Process]:
    """Return a server's processes, the first one before those that it started."""
    assert server.process is not None, f"{server.name} was never started"
    try:
        first = psutil.Process(server.process.pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(server: Server) -> None:
    """End a server as the loss of its machine would; its data stay."""
    processes = family(server)
    signal_all(processes, signal.SIGSTOP)  # none may see another one die, and clean up
    signal_all(processes, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)
    if server.process is not None:
        server.process.wait()


def restart(server: Server) -> None:
    """Kill a server and start it again."""
    kill(server)
    server.launch()


@contextmanager
def down(server: Server) -> Iterator[None]:
    """Keep a server away for as long as the block lasts: nobody answers at its port."""
    kill(server)
    try:
        yield
    finally:
        server.launch()


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Let a server stand still for as long as the block lasts: connections are accepted, and nobody answers."""
    processes = family(server)
    signal_all(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(processes, signal.SIGCONT)
