"""Other programs: run with a time limit, and asked for their versions."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

SECONDS = 5.0  # for a program that only has to say who it is

_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Answer:
    """What a program said; `code` is None when it did not end in time or could not be started."""

    code: int | None
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line of its complaints, or of what it said."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1].strip() if lines else "it said nothing"


def ask(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    seconds: float = SECONDS,
    env: Mapping[str, str] | None = None,
) -> Answer:
    """Run a program to its end, but not for longer than a time limit.

    Args:
        command: The program and its arguments.
        folder: Where it runs; None for a place that no project has anything in.
        seconds: The limit, after which it is killed.
        env: Its environment, if not this one.

    Returns:
        What it said.
    """
    # Into files, not pipes: a process that it has started would hold a pipe open after it was killed.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            place = folder or Path(Path.cwd().anchor)
            process = subprocess.Popen(command, cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            return Answer(None, "", error.strerror or str(error))
        _running.add(process)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _running.discard(process)
            if process.poll() is None:
                process.kill()
                process.wait()
        for stream in (out, err):
            stream.seek(0)
        return Answer(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"))


def stop_all() -> None:
    """Kill every program that still runs; its answer is no longer needed."""
    for process in _running.copy():
        process.kill()


def version_in(text: str) -> Version | None:
    """The first version number in a text such as `uv 0.9.5 (d5f39331a 2025-10-21)`."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return Version(found[0]) if found else None
