"""Processes of a generated project, each in a session of its own and with its output in a file."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from .polling import wait_for


class Process:
    """A process that runs until it is stopped; its session shows whatever it started."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path) -> None:
        self.name = log.stem
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def output(self) -> str:
        """Return everything that the process and its children have printed."""
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """Return the processes of the session: this one, and what it started, orphans included."""
        members = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        return members

    def expect_alive(self) -> None:
        """Fail when the process has ended by itself."""
        assert self.process.poll() is None, f"{self.name} ended by itself with {self.process.returncode}"

    def terminate(self) -> None:
        """Send SIGTERM to the process alone, as Docker and Kubernetes do."""
        self.expect_alive()
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, *, within: float) -> int:
        """Wait until the process has ended, and return its exit code."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} was still running {within:g} s after SIGTERM") from None

    def expect_no_orphan(self) -> None:
        """Fail when something that the process started outlived it."""
        wait_for(f"{self.name} leaves no process behind", lambda: not self.family(), within=1)

    def kill(self) -> None:
        """End the whole session at once, as a machine that loses its power would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # first, so that none sees another one die
        signal_all(self.family(), signal.SIGKILL)
        self.process.wait()


def signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each process that still runs."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def command_lines() -> str:
    """Return the command line of every process of this machine, as anybody on it can read them."""
    lines = []
    for process in psutil.process_iter():
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return "\n".join(lines)


def tail(log: Path, lines: int = 60) -> str:
    """Return the end of a log under a heading, without what the tests repeat all the time."""
    text = log.read_text(errors="replace").splitlines()
    kept = [line for line in text if not re.search(r'"GET /tasks/.* 200|boot_probe\.tick', line)]
    return "\n".join([f"--- {log.name} ---", *kept[-lines:]])
