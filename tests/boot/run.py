"""One test run: its directory, and the supervisor that holds its servers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from .polling import wait_for
from .servers import START_SECONDS, STOP_SECONDS

ROOT = Path(__file__).parents[2]
ACCOUNTS = "accounts.json"
"""In the run's directory: for whom the supervisor starts servers."""


@dataclass(frozen=True)
class Endpoint:
    """How to reach a server: its port on 127.0.0.1, and the password of each account."""

    port: int
    passwords: dict[str, str]


@dataclass(frozen=True)
class Run:
    """What the processes of a test run share: the controller makes it, the workers are told its directory."""

    directory: Path
    controller: int

    @classmethod
    def create(cls) -> "Run":
        """Make the directory of a new run, of which this process is the controller."""
        directory = Path(tempfile.mkdtemp(prefix="forge-boot-"))
        directory.chmod(0o711)  # PostgreSQL's and MariaDB's users pass through it
        return cls(directory, os.getpid())

    def start(self, accounts: list[str]) -> None:
        """Start the servers that the tests share, unless another worker has done so."""
        self.watch()
        with FileLock(self.directory / "lock"):
            wanted = self.directory / ACCOUNTS
            if not wanted.exists():
                unfinished = wanted.with_suffix(".new")
                unfinished.write_text(json.dumps(accounts))
                unfinished.rename(wanted)

    def watch(self) -> None:
        """Start the supervisor, unless another worker has done so; it ends whatever the tests leave behind."""
        with FileLock(self.directory / "lock"):
            if not self._pid.exists():
                command = [sys.executable, "-m", "tests.boot.supervisor", str(self.directory), str(self.controller)]
                with (self.directory / "supervisor.log").open("wb") as log:
                    process = subprocess.Popen(
                        command,
                        cwd=ROOT,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C is for the tests; the supervisor ends after them
                    )
                self._pid.write_text(str(process.pid))

    def endpoint(self, server: str) -> Endpoint:
        """Wait until a server has started."""
        path = self.directory / f"{server}.json"
        wait_for(f"the supervisor reports on {server}", path.exists, within=START_SECONDS + 10)
        published = json.loads(path.read_text())
        if "error" in published:
            raise RuntimeError(f"{server} did not start: {published['error']}")
        return Endpoint(**published)

    def stop(self) -> None:
        """Stop the servers and every process that a test left; remove the directory."""
        if self._pid.exists():
            supervisor = psutil.Process(int(self._pid.read_text()))
            supervisor.terminate()
            wait_for("the supervisor ends", lambda: _ended(supervisor), within=2 * STOP_SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _pid(self) -> Path:
        return self.directory / "supervisor.pid"


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
