"""MySQL and MariaDB, by their own `mysqldump` and `mysql`, which MariaDB calls `mariadb-dump` and `mariadb`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, ClassVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.backups import scratch, tools
from app.backups.engine import BackupError, Engine, Rows, Versions
from app.backups.mysql_rows import rows_in
from app.core.addresses import tls

TABLES = text("""
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
""")
SIZE = text("SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()")
# What a database can hold, and the statement that removes it; views before the tables that they read.
CLEAR = {
    "VIEW": "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()",
    "TABLE": TABLES.text,
    "SEQUENCE": "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'",
    "PROCEDURE": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = DATABASE() AND routine_type = 'PROCEDURE'",
    "FUNCTION": "SELECT routine_name FROM information_schema.routines "
    "WHERE routine_schema = DATABASE() AND routine_type = 'FUNCTION'",
    "EVENT": "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()",
}
# https://mariadb.com/kb/en/mariadb-error-codes/: "Access denied for user … to database …"
DENIED = 1044
DUMPERS = ["mariadb-dump", "mysqldump"]
CLIENTS = ["mariadb", "mysql"]
# The longest row that the programs take; the server has a limit of its own.
PACKET = "--max-allowed-packet=1G"
OPTIONS = [
    "--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob", "--no-tablespaces",
    "--skip-add-locks", "--default-character-set=utf8mb4", PACKET,
]  # fmt: skip
# MySQL's own program asks for what the project's account may not, and MariaDB's has never heard of.
OF_MYSQL = ["--set-gtid-purged=OFF", "--column-statistics=0"]

# Who made a view, a trigger, a routine or an event, which only an administrator may say of somebody else.
ACCOUNT = rb"`(?:[^`]|``)*`"
DEFINER = re.compile(rb"((?:/\*!\d+ )?CREATE(?:\*/ /\*!\d+)?|/\*!50013) DEFINER=%b(?:@%b)?" % (ACCOUNT, ACCOUNT))


class MySQL(Engine):
    """A database of a MySQL or MariaDB server."""

    name: ClassVar[str] = "mysql"
    suffix: ClassVar[str] = ".sql.gz"

    def versions(self) -> Versions:
        """Compare the version of the dump program with the server's: an older one may leave something out."""
        server = self._server()
        tool = tools.version(_program(DUMPERS, server))
        _program(CLIENTS, server)
        if _series(tool) < _series(server):
            wanted = ".".join(map(str, _series(server)))
            message = f"`{tool}` is older than the server, which is {server}: install the client programs of {wanted}."
            raise BackupError(message)
        return Versions(server, tool)

    def size(self) -> int:
        """Ask the server, which counts indexes too."""
        with self.connect() as connection:
            return int(connection.scalar(SIZE) or 0)

    def tables(self) -> list[tuple[str | None, str]]:
        """Return the tables of this database."""
        with self.connect() as connection:
            return [(None, name) for name in connection.scalars(TABLES)]

    def left_out(self) -> list[str]:
        """Return the events when the account may not read them: it cannot have made one."""
        with self.connect() as connection:
            try:
                connection.execute(text("SHOW EVENTS"))
            except DBAPIError as error:
                if not error.orig or error.orig.args[0] != DENIED:
                    raise
                return ["events"]
        return []

    @contextmanager
    def dump(self) -> Iterator[IO[bytes]]:
        """Run the dump program, which reads every InnoDB table in one transaction."""
        program = _program(DUMPERS, self._server())
        particular = [] if _is_mariadb(program) else OF_MYSQL
        skipped = [f"--skip-{part}" for part in self.left_out()]
        command = [program, self._account(program), *OPTIONS, *particular, *skipped, self.url.database or ""]
        with tools.reading(command, {}, self.url.password or "") as stream:
            yield stream

    def rows_in(self, stream: IO[bytes]) -> Rows:
        """Count the rows of each `INSERT`."""
        return rows_in(stream)

    def restore(self, stream: IO[bytes], *, clear: bool) -> None:
        """Run the client; it knows no way back: what fails in the middle leaves a part of the backup."""
        if clear:
            self._clear()
        program = _program(CLIENTS, self._server())
        # Everything between quotes as it is, no command of the client's own, and no file of this machine is read.
        options = ["--batch", "--binary-mode", "--local-infile=0", "--default-character-set=utf8mb4", PACKET]
        command = [program, self._account(program), *options, self.url.database or ""]
        with tools.writing(command, {}, self.url.password or "") as target:
            for line in stream:
                target.write(_anonymous(line))

    @contextmanager
    def scratch(self) -> Iterator[Engine]:
        """Make an empty database on the same server."""
        with self.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote_identifier
            for name in scratch.forgotten(self.url.database, connection.scalars(text("SHOW DATABASES")).all()):
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quote(name)}")
            name = scratch.named(self.url.database)
            connection.exec_driver_sql(f"CREATE DATABASE {quote(name)}")
            try:
                yield MySQL(self.url.set(database=name), self.folder)
            finally:
                connection.exec_driver_sql(f"DROP DATABASE {quote(name)}")

    def _clear(self) -> None:
        with self.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote_identifier
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
            for kind, query in CLEAR.items():
                for name in connection.scalars(text(query)).all():
                    connection.exec_driver_sql(f"DROP {kind} {quote(name)}")

    def _server(self) -> str:
        with self.connect() as connection:
            return str(connection.scalar(text("SELECT VERSION()")))

    def _account(self, program: str) -> str:
        """Tell a program where the database is, in a file that nobody else can read; it reads no other one."""
        query = self.url.query
        given: dict[str, object] = {
            "user": self.url.username, "password": self.url.password, "host": self.url.host, "port": self.url.port,
            "protocol": None if "unix_socket" in query else "TCP",
            "socket": query.get("unix_socket"),
            "ssl-cert": query.get("ssl_certfile"), "ssl-key": query.get("ssl_keyfile"),
        }  # fmt: skip
        lines = [f"{name}={_quoted(str(value))}" for name, value in given.items() if value is not None]
        lines += _encryption(dict(self.url.query), of_mariadb=_is_mariadb(program))
        path = tools.secret_file(self.folder, "account", "\n".join(["[client]", *lines, ""]))
        return f"--defaults-file={path}"


def _encryption(words: dict[str, Any], *, of_mariadb: bool) -> list[str]:
    """Return what the programs are told of TLS: the same as the project's drivers."""
    if "ssl_cert_reqs" not in words:
        # A new client would insist on it.
        return ["skip-ssl"] if of_mariadb else []
    if words["ssl_cert_reqs"] == "none":
        return ["ssl", "skip-ssl-verify-server-cert"] if of_mariadb else ["ssl-mode=REQUIRED"]
    names = words.get("ssl_check_hostname") != "false"
    file = f"ssl-ca={_quoted(words.get('ssl_ca_certs') or tls.authorities())}"
    if of_mariadb:
        return ["ssl", file, "ssl-verify-server-cert" if names else "skip-ssl-verify-server-cert"]
    return [f"ssl-mode={'VERIFY_IDENTITY' if names else 'VERIFY_CA'}", file]


def _program(names: list[str], server: str) -> str:
    return tools.find(*(names if "MariaDB" in server else reversed(names)))


def _is_mariadb(program: str) -> bool:
    return "MariaDB" in tools.version(program)


def _series(version: str) -> tuple[int, ...]:
    # "mysqldump  Ver 8.4.3 for Linux", "mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB", "… from 11.8.3-MariaDB"
    found = re.search(r"(\d+)\.(\d+)\.\d+", version)
    return (int(found[1]), int(found[2])) if found else ()


def _anonymous(line: bytes) -> bytes:
    """Leave out of a dump's line who made what it makes; no line of a row begins like that."""
    return found[1] + line[found.end() :] if (found := DEFINER.match(line)) else line


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
