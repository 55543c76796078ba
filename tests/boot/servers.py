"""What every private server has in common: on loopback, on a free port, in a directory of the test run."""

import contextlib
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from .polling import wait_for

START_SECONDS = 90.0  # RabbitMQ needs 6 s alone on an idle machine, and far more beside three others on a busy one
STOP_SECONDS = 15.0

# Debian keeps servers out of an ordinary user's PATH, and RabbitMQ's script in sbin changes the user.
SEARCH_PATH = os.pathsep.join(["/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def find(binary: str) -> str | None:
    """Return the path of an installed program."""
    return shutil.which(binary, path=SEARCH_PATH)


def password() -> str:
    """Return a password that breaks every URL in which it is not quoted, and every configuration file with %."""
    return f"p@ss:w/rd%{secrets.token_hex(8)}?&#=+ $"


def free_port() -> int:
    """Return a free port below the range from which the kernel serves outgoing connections."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server(ABC):
    """One server, which keeps its port and its data when it is started again.

    `accounts` are the passwords by name of account.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    user: ClassVar[str] = "nobody"  # who runs it when the tests run as root
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        self.directory = directory / self.name
        self.accounts = dict(accounts)
        self.marks = dict(marks or {})  # in the environment of its processes, to find them by
        self.port = free_port()
        self.closed = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def binary(cls) -> str | None:
        """Return the path of the server's program, or nothing when it is not installed."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the configuration and the data directory."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server can be used; may raise while it cannot."""

    def populate(self) -> None:  # noqa: B027  (most servers read their accounts while they start)
        """Make the accounts, once the server answers."""

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the server's processes."""
        place = str(self.directory)
        return {**self.marks, "HOME": place, "LC_ALL": "C.UTF-8", "PATH": SEARCH_PATH, "TMPDIR": place}

    def start(self) -> None:
        """Prepare and start the server, and wait until it answers."""
        self.directory.mkdir(mode=0o700)
        self.give(self.directory)
        self.prepare()
        self.launch()
        self.populate()

    def launch(self) -> None:
        """Start the server on the data that it has, and wait until it answers."""
        self.process = process = self.spawn(self.command())

        def ready() -> bool:
            return process.poll() is not None or self.answers()

        wait_for(f"{self.name} answers", ready, within=START_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"{self.name} exited with {process.returncode}")

    def running(self) -> bool:
        """Tell whether the server runs, though perhaps it stands still."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask the server to end, then insist."""
        self.closed.set()
        if self.process is not None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def run(self, *command: str, stdin: str = "") -> None:
        """Run a command to its end as the server's user; `stdin` keeps passwords off its command line."""
        process = self.spawn(list(command), stdin=subprocess.PIPE)
        process.communicate(stdin.encode(), timeout=START_SECONDS)
        if process.returncode:
            raise RuntimeError(f"`{command[0]}` exited with {process.returncode}")

    def spawn(self, command: list[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a process as the server's user, its output in the server's log."""
        if self.closed.is_set():
            raise RuntimeError("the test run is over")
        account = self.account()
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment(),
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=[] if account else None,
            )

    @property
    def log(self) -> Path:
        """The file that holds the output of the server's processes."""
        return self.directory.with_suffix(".log")

    def write(self, name: str, text: str) -> Path:
        """Write a file that only the server's user can read."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Make the server's user the owner."""
        if account := self.account():
            os.chown(path, account.pw_uid, account.pw_gid)

    def account(self) -> pwd.struct_passwd | None:
        """Return the user to become: PostgreSQL and MariaDB refuse to run as root."""
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(self.user)
        except KeyError:
            return pwd.getpwnam("nobody")

    def exchange(self, request: bytes, size: int = 1) -> bytes:
        """Send bytes to the port and return the answer, at most `size` bytes of it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(request)
            return connection.recv(size)
