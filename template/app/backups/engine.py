"""What every kind of database can do: be read into one stream, be restored from it, and count its rows."""

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

from sqlalchemy import URL, Connection, NullPool, create_engine, func, select, table
from sqlalchemy.exc import DBAPIError

from app.core.addresses.database import adapt

SPARE = 16 * 2**20  # bytes that stay free on a disk

Rows = dict[str, int]
"""The rows of each table, by its name."""


class BackupError(RuntimeError):
    """A backup could not be made or restored; the text says why."""


@dataclass(frozen=True)
class Versions:
    """Of the server, and of the program that reads it."""

    server: str
    tool: str


class Engine(ABC):
    """One database of one kind.

    Attributes:
        name: The kind, as a manifest has it.
        suffix: How the files of its backups end.
        arguments: What the driver is given besides the URL.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    arguments: ClassVar[dict[str, Any]] = {"connect_timeout": 10}

    def __init__(self, url: URL, folder: Path) -> None:
        """Do nothing yet.

        Args:
            url: Where the database is.
            folder: Where files may lie meanwhile that nobody else can read.
        """
        self.url = url
        self.folder = folder

    @abstractmethod
    def versions(self) -> Versions:
        """Check that the database can be reached, by a program that knows its version.

        Raises:
            BackupError: It cannot be.
        """

    @abstractmethod
    def size(self) -> int:
        """Return the size of the database in bytes."""

    def room(self) -> int:
        """Return the bytes on disk that a backup needs beside its own, for as long as it is being made."""
        return 0

    @abstractmethod
    def tables(self) -> list[tuple[str | None, str]]:
        """Return the schema and the name of every table that holds rows."""

    def left_out(self) -> list[str]:
        """Return the parts of the database that a backup does not have."""
        return []

    def count(self, names: Container[str] | None = None) -> Rows:
        """Count the rows of every table.

        Args:
            names: The tables that matter, as a manifest names them; by default all do.
        """
        counts = {
            label(schema, name): select(func.count()).select_from(table(name, schema=schema))
            for schema, name in self.tables()
            if names is None or label(schema, name) in names
        }
        with self.connect() as connection:
            return {name: connection.scalar(count) or 0 for name, count in counts.items()}

    @abstractmethod
    def dump(self) -> AbstractContextManager[IO[bytes]]:
        """Read the whole database as it is at one moment; leaving the block fails when not everything was read."""

    @abstractmethod
    def rows_in(self, stream: IO[bytes]) -> Rows:
        """Read what `dump` gave to its end, and count the rows of every table in it.

        Raises:
            BackupError: It is not whole.
        """

    @abstractmethod
    def restore(self, stream: IO[bytes], *, clear: bool) -> None:
        """Put what `dump` gave into this database.

        Args:
            stream: What `dump` gave.
            clear: Remove what is in the database first.
        """

    @abstractmethod
    def scratch(self) -> AbstractContextManager["Engine"]:
        """Make an empty database beside this one, which is removed when the block ends."""

    def shown(self) -> str:
        """Return where the database is, without what is secret."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect to the database; every statement is a transaction of its own.

        Raises:
            BackupError: It cannot be reached, or a statement fails; with the server's words.
        """
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=self.arguments)
        adapt(engine)
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise BackupError(str(error.orig)) from None


def label(schema: str | None, name: str) -> str:
    """Return a table's name as a manifest has it."""
    return f"{schema}.{name}" if schema else name
