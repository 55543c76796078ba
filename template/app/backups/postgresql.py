"""PostgreSQL, by `pg_dump` and `psql`."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.backups import postgresql_catalog as catalog
from app.backups import scratch, tools
from app.backups.engine import BackupError, Engine, Rows, Versions, label
from app.backups.postgresql_rows import rows_in
from app.backups.stream import CHUNK
from app.core.config.settings import settings

# Where a dump makes schemas and extensions, and comments on them.
PROVIDED = re.compile(
    rb"^(-- Name: .*; Type: (?:SCHEMA|EXTENSION|COMMENT); Schema: -; Owner: -\n--\n\n)"
    rb"((CREATE|COMMENT ON) (?:SCHEMA|EXTENSION) (?:[^;'\"]|'[^']*'|\"[^\"]*\")+;)\n",
    re.MULTILINE,
)
RESTRICT = re.compile(rb"^\\restrict (\w+)\n", re.MULTILINE)
ENDING = 4096  # bytes, in which the last of the two commands stands


class PostgreSQL(Engine):
    """A database of a PostgreSQL server."""

    name: ClassVar[str] = "postgresql"
    suffix: ClassVar[str] = ".sql.gz"

    def versions(self) -> Versions:
        """Compare the major version of `pg_dump` with the server's: an older one cannot read it."""
        tool = tools.version(tools.find("pg_dump"))
        tools.find("psql")
        server = self._server()
        if _major(tool) < _major(server):
            message = f"`{tool}` is older than the server, which is {server}: install the client {_major(server)}."
            raise BackupError(message)
        return Versions(server, tool)

    def size(self) -> int:
        """Ask the server, which counts indexes too."""
        with self.connect() as connection:
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)

    def tables(self) -> list[tuple[str | None, str]]:
        """Return the tables of every schema that a backup has."""
        left_out = self.left_out()
        with self.connect() as connection:
            return [(schema, name) for schema, name in catalog.tables(connection) if schema not in left_out]

    def left_out(self) -> list[str]:
        """Return the schemas that the settings name, and those of which the account can read nothing."""
        named = settings.backup.BACKUP_EXCLUDE_SCHEMAS
        with self.connect() as connection:
            return [each.name for each in catalog.schemas(connection) if each.is_foreign or each.name in named]

    @contextmanager
    def dump(self) -> Iterator[IO[bytes]]:
        """Run `pg_dump`, which reads everything in one transaction."""
        left_out = self.left_out()
        self._expect_readable(left_out)
        # Owners and privileges name accounts that another server does not have.
        options = ["--no-owner", "--no-privileges", "--no-password", "--lock-wait-timeout=60s"]
        # In quotes, lest it be taken for a pattern.
        options += ['--exclude-schema="{}"'.format(name.replace('"', '""')) for name in left_out]
        command = [tools.find("pg_dump"), *options, f"--dbname=service={self.name}"]
        with tools.reading(command, self._connection(), self.url.password or "") as stream:
            yield stream

    def rows_in(self, stream: IO[bytes]) -> Rows:
        """Count the lines of each `COPY`."""
        return rows_in(stream)

    def restore(self, stream: IO[bytes], *, clear: bool) -> None:
        """Run `psql` in one transaction: when anything fails, the database is as it was."""
        options = ["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
        command = [tools.find("psql"), *options, f"--dbname=service={self.name}"]
        server = self._server()
        clearing = catalog.clearing(self.left_out()).encode() if clear else b""
        with tools.writing(command, self._connection(), self.url.password or "") as target:
            # From here on `psql` takes none of its own commands, such as `\!`: what stands in a dump runs no program
            # and reads no file of this machine. https://www.postgresql.org/docs/current/app-psql.html
            target.write(b"\\restrict %b\n" % secrets.token_hex(32).encode())
            # Not `--single-transaction`, which commits half of the dump when this process is killed.
            target.write(b"BEGIN;\n" + clearing)
            for piece in _statements(stream, server):
                target.write(piece)
            target.write(b"COMMIT;\n")

    @contextmanager
    def scratch(self) -> Iterator[Engine]:
        """Make an empty database on the same server."""
        with self.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote_identifier
            found = connection.scalars(text("SELECT datname FROM pg_database"))
            for name in scratch.forgotten(self.url.database, found.all()):
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quote(name)}")
            name = scratch.named(self.url.database)
            connection.exec_driver_sql(f"CREATE DATABASE {quote(name)} TEMPLATE template0")
            try:
                yield PostgreSQL(self.url.set(database=name), self.folder)
            finally:
                try:
                    # This ends an autovacuum, which `FORCE` may do for a superuser only.
                    connection.exec_driver_sql(f"DROP DATABASE {quote(name)}")
                except DBAPIError:
                    connection.exec_driver_sql(f"DROP DATABASE {quote(name)} WITH (FORCE)")

    def _expect_readable(self, left_out: list[str]) -> None:
        with self.connect() as connection:
            found = [schema for schema in catalog.schemas(connection) if schema.name not in left_out]
        if hidden := [label(schema.name, name) for schema in found for name in schema.hidden]:
            message = (
                f"The account may not read every row of {', '.join(hidden)}: grant it SELECT there, without row-level"
                " security, or leave the schema out with BACKUP_EXCLUDE_SCHEMAS."
            )
            raise BackupError(message)

    def _server(self) -> str:
        with self.connect() as connection:
            return str(connection.scalar(text("SHOW server_version")))

    def _connection(self) -> dict[str, str]:
        """Tell the programs where the database is, as libpq wants to hear it, in files that nobody else can read."""
        # https://www.postgresql.org/docs/current/libpq-pgservice.html
        dialect: Any = self.url.get_dialect()()
        given: dict[str, Any] = dialect.create_connect_args(self.url)[1]
        password = str(given.pop("password", ""))
        escaped = re.sub(r"([\\:])", r"\\\1", password)
        service = "".join(f"{name}={value}\n" for name, value in given.items())
        files: dict[str, Path] = {
            "PGPASSFILE": tools.secret_file(self.folder, "password", f"*:*:*:*:{escaped}\n"),
            "PGSERVICEFILE": tools.secret_file(self.folder, "service", f"[{self.name}]\n{service}"),
        }
        return {name: str(path) for name, path in files.items()}


def _statements(stream: IO[bytes], server: str) -> Iterator[bytes]:
    """Read a dump without the two commands that `pg_dump` itself puts around it."""
    held, last = _tolerant(_acceptable(stream.read(CHUNK), server)), b""
    if found := RESTRICT.search(held.partition(b"SET client_encoding")[0]):
        held, last = held.replace(found[0], b"", 1), b"\n\\unrestrict %b\n" % found[1]
    for piece in iter(partial(stream.read, CHUNK), b""):
        held += piece
        yield held[:-ENDING]
        held = held[-ENDING:]
    yield held.replace(last, b"\n") if last else held


def _acceptable(head: bytes, server: str) -> bytes:
    """Leave out of a dump's first lines what `pg_dump` 17 says to every server, and an older one refuses."""
    first, mark, rest = head.partition(b"SET client_encoding")
    if _major(server) < 17:
        first = first.replace(b"SET transaction_timeout = 0;\n", b"")
    return first + mark + rest


def _tolerant(head: bytes) -> bytes:
    """Let a dump pass over the schemas and extensions that are there, or that this account may not make or comment on.

    What needs an extension that cannot be made fails, and says so; everything else can be restored.
    """
    first, mark, rest = head.partition(b"\nCOPY ")
    return PROVIDED.sub(_tried, first) + mark + rest


def _tried(found: re.Match[bytes]) -> bytes:
    header, statement, verb = found.groups()
    told = b"WHEN duplicate_schema THEN NULL; WHEN others THEN RAISE WARNING '%', SQLERRM;"
    otherwise = told if verb == b"CREATE" else b"WHEN others THEN NULL;"
    return b"%bDO $try$ BEGIN\n%b\nEXCEPTION %b END $try$;\n" % (header, statement, otherwise)


def _major(version: str) -> int:
    found = re.search(r"\d+", version)
    return int(found[0]) if found else 0
