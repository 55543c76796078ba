"""`app dev`: the processes of `Procfile.dev` together, on the servers in the environment or on what is embedded.

When a file of `app/` is saved, each starts anew with the new code. Code that cannot be imported changes nothing.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from types import FrameType

import typer
from kombu.utils.url import maybe_sanitize_url
from watchfiles import Change, PythonFilter, watch

from app.core.config.base import ROOT, default_to_development

APP = ROOT / "app"
COLOURS = cycle(["cyan", "yellow", "green", "magenta", "blue"])

END = 5.0  # seconds; what has not ended by then is killed
# Seconds that a successor waits for a process to end. A worker with running tasks finishes them beside it.
HAND_OVER = 3.0
SETTLE = 200  # milliseconds without another save, so that a burst of them is one

# Everything that the processes import; Celery's settings name some of it.
IMPORTS = """
from kombu.utils.imports import symbol_by_name
import app.main
from app.core.celery import celery_app
celery_app.loader.import_default_modules()
for value in celery_app.conf.values():
    if isinstance(value, str) and value.startswith("app."):
        symbol_by_name(value.partition("+")[0])
"""


class Service:
    """A line of `Procfile.dev`: the process that runs, and those that it has taken over from."""

    def __init__(self, name: str, command: str, environment: dict[str, str], inherited: int) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.inherited = inherited
        self.colour = next(COLOURS)
        self.current: subprocess.Popen[str] | None = None
        self.leaving: list[subprocess.Popen[str]] = []
        self.printer = threading.Thread()
        self.due: float | None = None
        self.reloaded = False

    def start(self) -> None:
        """Start its process, in a session of its own: Ctrl-C is for this one alone."""
        self.due = None
        self.current = subprocess.Popen(  # noqa: S602
            f"exec {self.command}",
            shell=True,
            cwd=ROOT,
            env=self.environment,
            pass_fds=[self.inherited],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.printer = threading.Thread(target=self._print, args=[self.current], daemon=True)
        self.printer.start()

    def reload(self) -> None:
        """Let its process end, and another one take over."""
        self.reloaded = True
        self.due = time.monotonic()
        if self.current:
            self.current.terminate()
            self.leaving.append(self.current)
            self.current = None
            self.due += HAND_OVER

    def tend(self) -> int | None:
        """Start a process that is due; return the exit code of one that has ended by itself."""
        self.leaving = [process for process in self.leaving if process.poll() is None]
        if self.due and (not self.leaving or time.monotonic() > self.due):
            self.start()
        code = self.current.poll() if self.current else None
        if code is not None and self.reloaded:
            say(f"{self.name} ended with {code}. It starts again when a file of app/ is saved.")
            self.current = code = None
        return code

    def running(self) -> list[subprocess.Popen[str]]:
        """Return its processes."""
        return [*self.leaving, *([self.current] if self.current else [])]

    def _print(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            say(line.rstrip("\n"), self.name, self.colour)


class Stop:
    """Whether all are to end, and with which exit code."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.code = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._heed)

    def _heed(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            # The terminal is closed, and takes no more output.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(nowhere, stream.fileno())
        self.code = 0 if number == signal.SIGINT else 128 + number
        self.event.set()


class Sources(PythonFilter):
    """Python's modules, without what editors and file systems leave beside them, such as `.#name.py`."""

    def __call__(self, change: Change, path: str) -> bool:
        """Tell whether a change is one of a module."""
        return Path(path).stem.isidentifier() and super().__call__(change, path)


def run(port: int) -> int:
    """Run `prepare` to its end, then the others until the user interrupts or one of them ends, which ends all.

    Args:
        port: The port of the API.

    Returns:
        The exit code: 0 after Ctrl-C, 1 when the port is taken, 2 outside development, otherwise that of the process
        that ended first. When the terminal is closed, all end too.
    """
    if default_to_development() != "development":
        print("error: `app dev` is for ENVIRONMENT=development only.", file=sys.stderr)
        return 2
    try:
        # It stays open while the API reloads: requests wait instead of being refused.
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        print(f"error: port {port}: {reason}. Choose another: make dev PORT=8001", file=sys.stderr)
        return 1
    for line in _addresses():
        print(line, flush=True)
    print(f"{'API':<24}http://127.0.0.1:{port}/docs (Ctrl-C stops everything)", flush=True)

    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(port), "API_SOCKET": str(listening.fileno())}
    lines = [line.partition(":") for line in ROOT.joinpath("Procfile.dev").read_text().splitlines()]
    commands = {name: command.strip() for name, colon, command in lines if colon and not name.startswith("#")}
    stop = Stop()
    prepare = shlex.split(commands.pop("prepare", "true"))
    if code := subprocess.run(prepare, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        return stop.code if stop.event.is_set() else code
    services = [Service(name, command, environment, listening.fileno()) for name, command in commands.items()]
    try:
        for service in services:
            service.start()
        return _supervise(services, stop)
    finally:
        _end(services)


def _supervise(services: list[Service], stop: Stop) -> int:
    check: subprocess.Popen[bytes] | None = None
    try:
        for changed in _changes(stop.event):
            if changed:
                say(f"{', '.join(sorted(changed))} changed")
                if check:
                    check.kill()
                check = subprocess.Popen([sys.executable, "-c", IMPORTS], cwd=ROOT)  # noqa: S603
            elif check and check.poll() is not None:
                if check.returncode:
                    say("This cannot be imported: everything goes on with the code before it.")
                else:
                    for service in services:
                        service.reload()
                check = None
            for service in services:
                code = service.tend()
                if code is not None:
                    say(f"{service.name} ended with {code}")
                    return code
    finally:
        if check:
            check.kill()
    return stop.code


def _changes(stop: threading.Event) -> Iterator[set[str]]:
    """Yield which modules have changed, five times a second; none, mostly."""
    for polling in (None, True):
        # Where the system watches no more files, their times are looked at.
        with suppress(OSError, RuntimeError):
            for changes in watch(
                APP,
                watch_filter=Sources(),
                step=SETTLE,
                rust_timeout=SETTLE,
                yield_on_timeout=True,
                stop_event=stop,
                force_polling=polling,
                ignore_permission_denied=True,
            ):
                yield {str(Path(path).relative_to(ROOT)) for _, path in changes}
            return


def _end(services: list[Service]) -> None:
    processes = [process for service in services for process in service.running()]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + END
    for process in processes:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for service in services:
        service.printer.join(1)


def say(line: str, name: str = "dev", colour: str = "white") -> None:
    """Print a line of a process, or one of this one."""
    typer.echo(typer.style(f"{time.strftime('%X')} {name:<8}| ", fg=colour) + line)


def _addresses() -> list[str]:
    # Not before the environment is settled: settings are read once.
    from app.core.config.settings import settings

    lines = []
    for concern in vars(settings).values():
        for name, embedded in concern.embedded.items():
            url = getattr(concern, name)
            where = "embedded, in .dev/" if url == embedded else maybe_sanitize_url(url)
            lines.append(f"{name:<24}{where}")
    return lines
