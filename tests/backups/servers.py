"""Databases whose accounts have the hardest of passwords, and may make databases for drills."""

from collections.abc import Mapping
from pathlib import Path

from tests.boot.databases import MariaDB, PostgreSQL

PASSWORD = "p@ss:w/rd#%?&'\"\\ü"

# One extension that every account may make, and three that only the server's administrator may.
PROVIDED = """
CREATE SCHEMA _managed;
CREATE TABLE _managed.secrets AS SELECT 1;
CREATE SCHEMA jobs;
CREATE TABLE jobs.job AS SELECT 1;
ALTER TABLE jobs.job ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA jobs TO PUBLIC;
GRANT SELECT ON jobs.job TO PUBLIC;
CREATE SCHEMA shared;
CREATE TABLE shared.told AS SELECT 1;
CREATE TABLE shared.untold AS SELECT 1;
GRANT USAGE ON SCHEMA shared TO PUBLIC;
GRANT SELECT ON shared.told TO PUBLIC;
CREATE EXTENSION citext;
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION pg_buffercache SCHEMA shared;
CREATE EXTENSION pg_freespacemap SCHEMA _managed;
"""

DEFINED = """
CREATE VIEW all_lines AS SELECT line FROM alone;
CREATE TRIGGER louder BEFORE INSERT ON alone FOR EACH ROW SET NEW.line = UPPER(NEW.line);
CREATE EVENT yearly ON SCHEDULE EVERY 1 YEAR DO DELETE FROM alone;
"""
# Nothing of events, of routines and of locks.
LITTLE = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE VIEW, SHOW VIEW, TRIGGER"


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
        return self._told("SELECT datname FROM pg_database;\n")

    def provide(self, name: str) -> None:
        """Put into a database what providers keep there; the account may read one table of it."""
        self._sql(f"\\connect {name}\n{PROVIDED}")

    def provided(self, name: str) -> str:
        """Return what is left of it."""
        return self._told(
            f"\\connect {name}\nSELECT * FROM _managed.secrets;\nSELECT * FROM shared.told;\nSELECT * FROM jobs.job;\n"
            "SELECT extname, extversion, extowner::regrole FROM pg_extension ORDER BY extname;\n"
        )

    def _told(self, statements: str) -> str:
        told = self.directory / "told"
        self._sql(f"\\o {told}\n{statements}")
        return told.read_text()


class HardMariaDB(MariaDB):
    """MariaDB."""

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, dict.fromkeys(accounts, PASSWORD), marks)

    def populate(self) -> None:
        for name, password in self.accounts.items():
            pattern = name.replace("_", "\\_") + "\\_drill\\_%"
            # Once more, by a client that says how its text is encoded; the file that the server has read does not.
            self.administer(
                f"SET PASSWORD FOR {name} = PASSWORD({self.quoted(password)});\nGRANT ALL ON `{pattern}`.* TO {name};\n"
            )

    def make_database(self, name: str, owner: str) -> None:  # noqa: ARG002  (whoever has the pattern owns it)
        """Make an empty database in place of what there may be."""
        self.administer(f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name};\n")

    def provide(self, name: str) -> str:
        """Let the administrator define things in a database; return an account that may not do everything there."""
        self.administer(
            f"USE {name};\n{DEFINED}CREATE OR REPLACE USER little IDENTIFIED BY {self.quoted(PASSWORD)};\n"
            f"GRANT {LITTLE} ON {name}.* TO little;\n"
        )
        return "little"

    def databases(self) -> str:
        """Return the names of all databases."""
        return "\n".join(path.name for path in (self.directory / "data").iterdir() if path.is_dir())
