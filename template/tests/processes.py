"""Processes: a worker and a server that run, commands that end, and waiting for what they do."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from httpx2 import Client, TransportError

from app.core.config.base import ROOT
from tests import credentials

DEADLINE = 20.0  # seconds
STARTS = 60.0
WORKER_LOG: list[str] = []

Lines = list[dict[str, Any]]


def until(condition: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    return pytest.fail("it has not come true")


@contextmanager
def running_worker(tasks: str, **environment: str) -> Iterator[Lines]:
    """Run a worker that knows a module of tasks besides; the lines of its log are added as they are written."""
    command = [sys.executable, "-m", "celery", "-A", "app.core.celery", "worker", "--include", tasks]
    process = subprocess.Popen(
        [*command, "--concurrency", "2"],
        cwd=ROOT,
        env=os.environ | {"LOG_FORMAT": "json"} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: Lines = []

    def read() -> None:
        for line in process.stderr or ():
            WORKER_LOG.append(line)
            with suppress(ValueError):
                lines.append(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    yield lines
    # Before that, Python itself would answer the signal.
    until(lambda: any(str(line.get("message", "")).endswith(" ready.") for line in lines))
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0


@contextmanager
def serving(*options: str, **environment: str) -> Iterator[Client]:
    """Run the API of `tests.served` as a process of its own; return a client of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "tests.served:app", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment)
    try:
        with Client(base_url=f"http://127.0.0.1:{port}", headers=credentials.headers("default")) as client:
            deadline = time.monotonic() + STARTS
            while process.poll() is None and time.monotonic() < deadline:
                with suppress(TransportError):
                    client.get("/health/live")
                    break
                time.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(DEADLINE)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment's Python as a command, as a user would."""
    return _run("-m", *command, **environment)


def script(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return _run("-c", source, **environment)


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
