"""Clocks that are wrong: a process, or a server, is given a time of day of its own, which a test sets while it runs."""

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.boot.test_boot import REQUIRED

SOURCE = Path(__file__).with_name("clock.c")


def require_compiler() -> None:
    """Skip the test when no clock can be made, or fail it where everything must be there."""
    if shutil.which("cc") is None:
        reason = "there is no C compiler: apt-get install gcc libc6-dev"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)


class Clock:
    """The clock of those that are started in its environment: the machine's, until a test sets it.

    Without a C compiler it cannot be set.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment: dict[str, str] = {}
        path.write_bytes(bytes(8))
        path.chmod(0o644)
        if shutil.which("cc"):
            self.environment = {"LD_PRELOAD": str(_library(path.parent)), "CLOCK_FILE": str(path)}

    def set(self, seconds: int) -> None:
        """Set the clock so many seconds ahead of the machine's, at once, for all who go by it."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("l", seconds))


@cache
def _library(directory: Path) -> Path:
    path = directory / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, SOURCE], check=True)
    path.chmod(0o755)
    return path
