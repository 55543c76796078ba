"""A private PostgreSQL and a private MariaDB: every account owns a database of the same name."""

import re
import signal
from pathlib import Path
from typing import ClassVar

from .servers import Server, find

ADMINISTRATOR = "forge"


class PostgreSQL(Server):
    """The newest PostgreSQL that Debian has installed, or the one in PATH."""

    name: ClassVar[str] = "postgresql"
    package: ClassVar[str] = "postgresql"
    user: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # at once; also frees its shared memory

    @classmethod
    def binary(cls) -> str | None:
        installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        newest = max(installed, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0), default=None)
        return str(newest) if newest else find("postgres")

    def prepare(self) -> None:
        # The socket trusts whoever reaches it; only this user and root can. The port asks for a password.
        self._run("initdb", f"--pgdata={self.directory}/data", f"--username={ADMINISTRATOR}", "--encoding=UTF8",
                  "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")  # fmt: skip

    def command(self) -> list[str]:
        return [
            str(self.binary()),
            f"-D{self.directory}/data",
            f"-p{self.port}",
            "-clisten_addresses=127.0.0.1",
            f"-cunix_socket_directories={self.directory}",
            "-cfsync=off",
        ]

    def answers(self) -> bool:
        self._sql("SELECT 1;")
        return True

    def populate(self) -> None:
        self._sql(
            "".join(
                f"CREATE ROLE {name} LOGIN PASSWORD {self.quoted(password)};\nCREATE DATABASE {name} OWNER {name};\n"
                for name, password in self.accounts.items()
            )
        )

    def allow_writes(self, allowed: bool) -> None:
        """Refuse to write, as a standby does, or write again; open connections stay."""
        self._sql(f"ALTER SYSTEM SET default_transaction_read_only = {not allowed};\n")
        self._sql("SELECT pg_reload_conf();")

    @staticmethod
    def quoted(text: str) -> str:
        """Return a text as SQL has it."""
        return "'" + text.replace("'", "''") + "'"

    def _sql(self, statements: str) -> None:
        self._run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null",
                  f"--host={self.directory}", f"--port={self.port}", f"--username={ADMINISTRATOR}", "postgres",
                  stdin=statements)  # fmt: skip

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        self.run(str(Path(str(self.binary())).parent / program), *arguments, stdin=stdin)


class PgBouncer(Server):
    """The installed PgBouncer, before a PostgreSQL, with a server session for each transaction."""

    name: ClassVar[str] = "pgbouncer"
    package: ClassVar[str] = "pgbouncer"
    user: ClassVar[str] = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    behind: PostgreSQL

    @classmethod
    def binary(cls) -> str | None:
        return find("pgbouncer")

    def prepare(self) -> None:
        quoted = {name: password.replace('"', '""') for name, password in self.accounts.items()}
        users = self.write("users", "".join(f'"{name}" "{password}"\n' for name, password in quoted.items()))
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(users),
            "pool_mode": "transaction",
        }
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.write("settings", f"[databases]\n* = host=127.0.0.1 port={self.behind.port}\n[pgbouncer]\n{lines}")

    def command(self) -> list[str]:
        return [str(self.binary()), str(self.directory / "settings")]

    def answers(self) -> bool:
        return self.exchange(b"\x00\x00\x00\x08\x04\xd2\x16\x2f") == b"N"  # asked for TLS


class MariaDB(Server):
    """The installed MariaDB."""

    name: ClassVar[str] = "mysql"
    package: ClassVar[str] = "mariadb-server"
    user: ClassVar[str] = "mysql"

    @classmethod
    def binary(cls) -> str | None:
        return find("mariadbd")

    def prepare(self) -> None:
        accounts = "".join(
            f"CREATE DATABASE IF NOT EXISTS {name};\n"
            f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {self.quoted(password)};\n"
            f"GRANT ALL ON {name}.* TO {name};\n"
            for name, password in self.accounts.items()
        )
        self.write("accounts.sql", accounts)
        self.run(str(find("mariadb-install-db")), "--no-defaults", f"--datadir={self.directory}/data",
                 "--auth-root-authentication-method=normal", "--skip-test-db")  # fmt: skip

    def command(self) -> list[str]:
        return [
            str(self.binary()),
            "--no-defaults",
            f"--datadir={self.directory}/data",
            f"--socket={self.directory}/socket",
            f"--pid-file={self.directory}/pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-ssl",  # since 11.4 it is there by itself, and a relay cannot read what passes
            f"--init-file={self.directory}/accounts.sql",
            "--innodb-flush-log-at-trx-commit=2",  # what was committed outlives the process, if not the machine
        ]

    def answers(self) -> bool:
        return len(self.exchange(b"", size=5)) == 5  # the greeting: MariaDB accepts after it has read the init file

    def allow_writes(self, allowed: bool) -> None:
        """Refuse to write, as a replica does, or write again; open connections stay."""
        self.administer(f"SET GLOBAL read_only = {int(not allowed)}")

    def administer(self, statements: str) -> None:
        """Run statements as the administrator: the socket, which only root and the server reach, asks for nothing."""
        self.run(str(find("mariadb")), "--no-defaults", f"--socket={self.directory}/socket", "--user=root",
                 "--default-character-set=utf8mb4", stdin=statements)  # fmt: skip

    @staticmethod
    def quoted(text: str) -> str:
        """Return a text as SQL has it."""
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
