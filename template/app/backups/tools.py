"""The database's own programs: found, asked for their version, read from and written to.

They get an environment of their own, without the project's secrets, and no password as an argument: whoever may list
processes could read it.
"""

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app.backups.engine import BackupError

logger = logging.getLogger(__name__)

TOLD = 2000  # characters of a program's last words


def find(*names: str) -> str:
    """Return the path of the first of some programs that is installed.

    Raises:
        BackupError: None is.
    """
    for name in names:
        if path := shutil.which(name):
            return path
    message = f"`{names[0]}` is not installed: install the client programs of the database's version."
    raise BackupError(message)


def version(program: str) -> str:
    """Return what a program says of its version."""
    with reading([program, "--version"], {}, "") as stream:
        return stream.read().decode(errors="replace").strip()


def secret_file(folder: Path, name: str, text: str) -> Path:
    """Write a file that nobody else can read."""
    path = folder / name
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


@contextmanager
def reading(command: Sequence[str], variables: Mapping[str, str], secret: str) -> Iterator[IO[bytes]]:
    """Run a program, and read what it writes.

    Args:
        command: The program and its arguments.
        variables: What its environment has besides.
        secret: What is left out of its words.

    Raises:
        BackupError: It has failed; with its own words.
    """
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(  # noqa: S603
            command, env=_environment(variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words
        )
        assert process.stdout  # noqa: S101
        with _ended(process):
            yield process.stdout
        _expect_success(command[0], process, words, secret)


@contextmanager
def writing(command: Sequence[str], variables: Mapping[str, str], secret: str) -> Iterator[IO[bytes]]:
    """Run a program, and write what it reads; arguments and errors are those of `reading`."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(  # noqa: S603
            command, env=_environment(variables), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words
        )
        assert process.stdin  # noqa: S101
        # A program that has ended early says why: that tells more than the broken pipe.
        with _ended(process), suppress(BrokenPipeError):
            yield process.stdin
        _expect_success(command[0], process, words, secret)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Before anything is closed: a program that reads must not take the end of its input for the end of the work.
        process.kill()
        raise
    finally:
        for stream in filter(None, (process.stdin, process.stdout)):
            with suppress(BrokenPipeError):
                stream.close()
        process.wait()


def _expect_success(program: str, process: subprocess.Popen[bytes], words: IO[bytes], secret: str) -> None:
    words.seek(0)
    said = words.read().decode(errors="replace").strip()
    told = (said.replace(secret, "***") if secret else said)[-TOLD:]
    name = Path(program).name
    if process.returncode:
        message = f"`{name}` has failed with {process.returncode}: {told or 'it said nothing.'}"
        raise BackupError(message)
    if told:
        logger.warning("%s: %s", name, told)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {"LC_ALL": "C.UTF-8", **kept, **variables}
