"""SQLite, by its online backup: https://www.sqlite.org/backup.html."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

from app.backups.engine import SPARE, BackupError, Engine, Rows, Versions
from app.backups.stream import CHUNK

LOCKED_SECONDS = 60.0


class SQLite(Engine):
    """A database in a file."""

    name: ClassVar[str] = "sqlite"
    suffix: ClassVar[str] = ".sqlite3.gz"
    arguments: ClassVar[dict[str, Any]] = {"timeout": LOCKED_SECONDS}

    @property
    def path(self) -> Path:
        """The file."""
        if not self.url.database or self.url.database.startswith((":", "file:")):
            message = f"`{self.shown()}` is not a file: there is nothing to back up."
            raise BackupError(message)
        return Path(self.url.database)

    def versions(self) -> Versions:
        """Look for the file; its reader comes with Python."""
        if not self.path.is_file():
            message = f"There is no database `{self.path}`."
            raise BackupError(message)
        return Versions(sqlite3.sqlite_version, f"SQLite {sqlite3.sqlite_version}")

    def size(self) -> int:
        """Return the size of the file."""
        return self.path.stat().st_size

    def room(self) -> int:
        """Return the size of the copy that is compressed, and unpacked again to look at it."""
        return self.size()

    def tables(self) -> list[tuple[str | None, str]]:
        """Return the tables, none when there is no file yet."""
        return [(None, name) for name in _tables(self.path)] if self.path.is_file() else []

    @contextmanager
    def dump(self) -> Iterator[IO[bytes]]:
        """Copy the database in one step: a copy of the file alone may be torn, and in many steps may never end."""
        copy = self.folder / "copy"
        _copy(self.path, copy)
        with copy.open("rb") as stream:
            copy.unlink()  # it is gone when it is closed
            yield stream

    def rows_in(self, stream: IO[bytes]) -> Rows:
        """Unpack the copy, let SQLite examine it, and count."""
        return SQLite(self.url.set(database=str(self._unpack(stream))), self.folder).count()

    def restore(self, stream: IO[bytes], *, clear: bool) -> None:
        """Copy the backup over the database in one step: whoever has it open sees the one or the other."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _copy(self._unpack(stream), self.path)

    @contextmanager
    def scratch(self) -> Iterator[Engine]:
        """Return a file that does not exist yet; it goes with its folder."""
        yield SQLite(self.url.set(database=str(self.folder / "drill")), self.folder)

    def _unpack(self, stream: IO[bytes]) -> Path:
        path = self.folder / "unpacked"
        path.unlink(missing_ok=True)
        _make(path)
        with path.open("wb") as file:
            for chunk in iter(partial(stream.read, CHUNK), b""):
                if shutil.disk_usage(self.folder).free < SPARE + len(chunk):
                    message = f"The disk is too full to unpack the backup in `{self.folder.parent}`."
                    raise BackupError(message)
                file.write(chunk)
        try:
            with closing(_open(path)) as database:
                found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            message = f"The backup is damaged: {found}"
            raise BackupError(message)
        return path


def _make(path: Path) -> None:
    """Make a file that nobody else can read; one that is there keeps its mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=LOCKED_SECONDS)


def _tables(path: Path) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    with closing(_open(path)) as database:
        return [name for (name,) in database.execute(query)]


def _copy(source: Path, target: Path) -> None:
    deadline = time.monotonic() + LOCKED_SECONDS

    def give_up(status: int, remaining: int, total: int) -> None:
        # Python tries for ever while another connection holds the lock.
        if status != sqlite3.SQLITE_DONE and time.monotonic() > deadline:
            message = f"`{source}` or `{target}` was locked for {LOCKED_SECONDS:g} seconds."
            raise BackupError(message)

    _make(target)
    try:
        with closing(_open(source)) as read, closing(_open(target)) as written:
            read.backup(written, progress=give_up)
    except sqlite3.Error as error:
        message = f"SQLite could not copy `{source}` to `{target}`: {error}"
        raise BackupError(message) from None
