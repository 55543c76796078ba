"""Databases whose accounts have the hardest of passwords, and may make databases for drills."""

from collections.abc import Mapping
from pathlib import Path

from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.servers import find

PASSWORD = "p@ss:w/rd#%?&'\"\\ü"


class HardPostgreSQL(PostgreSQL):
    """PostgreSQL."""

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, dict.fromkeys(accounts, PASSWORD), marks)

    def populate(self) -> None:
        super().populate()
        self._sql("".join(f"ALTER ROLE {name} CREATEDB;\n" for name in self.accounts))

    def make_database(self, name: str, owner: str) -> None:
        """Make an empty database in place of what there may be."""
        self._sql(f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name} OWNER {owner};\n")

    def databases(self) -> str:
        """Return the names of all databases."""
        names = self.directory / "databases"
        self._sql(f"\\o {names}\nSELECT datname FROM pg_database;\n")
        return names.read_text()


class HardMariaDB(MariaDB):
    """MariaDB."""

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, dict.fromkeys(accounts, PASSWORD), marks)

    def populate(self) -> None:
        for name, password in self.accounts.items():
            pattern = name.replace("_", "\\_") + "\\_drill\\_%"
            # Once more, by a client that says how its text is encoded; the file that the server has read does not.
            self._sql(
                f"SET PASSWORD FOR {name} = PASSWORD({self.quoted(password)});\nGRANT ALL ON `{pattern}`.* TO {name};\n"
            )

    def make_database(self, name: str, owner: str) -> None:  # noqa: ARG002  (whoever has the pattern owns it)
        """Make an empty database in place of what there may be."""
        self._sql(f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name};\n")

    def databases(self) -> str:
        """Return the names of all databases."""
        return "\n".join(path.name for path in (self.directory / "data").iterdir() if path.is_dir())

    def _sql(self, statements: str) -> None:
        # The socket asks root for nothing; only root and the server's user reach it.
        self.run(str(find("mariadb")), "--no-defaults", f"--socket={self.directory}/socket", "--user=root",
                 "--default-character-set=utf8mb4", stdin=statements)  # fmt: skip
