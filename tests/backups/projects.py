"""The projects whose databases are backed up, one for each kind of database."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge_cli.questions import Answers
from tests.boot.brokers import Redis
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.run import Run
from tests.boot.servers import Server
from tests.boot.variants import DRIVERS, Variant
from tests.faults.projects import OTHERS, Project
from tests.faults.stage import Stage

from . import ledger
from .servers import PASSWORD, HardMariaDB, HardPostgreSQL

APP_SECONDS = 120.0
SLUG = "demo-project"


def _project(index: int, database: str, servers: dict[str, type[Server]], **others: str) -> Project:
    answers: Answers = {**OTHERS, "broker": "redis", "result_backend": "redis", "beat": "file", "backup": True}
    variant = Variant(index, {**answers, "database": database, **others})
    return Project(database, variant, {"broker": Redis, **servers})


PROJECTS = {
    project.name: project
    for project in (
        _project(60, "postgresql", {"database": HardPostgreSQL}),
        # Celery's own connection to the database has the password too.
        _project(61, "mysql", {"database": HardMariaDB}, result_backend="database"),
        _project(62, "sqlite", {}),
    )
}


class BackupStage(Stage):
    """One project, its tables full of every type, and as many places for backups as the tests want."""

    def __init__(self, project: Project, run: Run) -> None:
        # The tests of faults may run a project of the same name.
        super().__init__(replace(project, name=f"backups-{project.name}"), run)
        self.database = project.name
        self.places = 0
        self.first: Path | None = None

    def boot(self) -> None:
        """Start everything, and fill the tables."""
        super().boot()
        self.tell(ledger.FILL)

    def tell(self, program: str, url: str | None = None) -> Any:
        """Run one of the programs in `ledger`; return what it tells."""
        printed = self.script(program, **({"DATABASE_URL": url} if url else {}))
        return json.loads(printed.splitlines()[-1])

    def place(self) -> Path:
        """Return a directory for backups that does not exist yet."""
        self.places += 1
        return self.directory / f"backups-{self.places}"

    def place_with_a_backup(self) -> Path:
        """Return a directory with one backup, which was made once for all."""
        if self.first is None:
            self.first = self.place()
            assert self.app(self.first, "backup").returncode == 0
        return shutil.copytree(self.first, self.place())

    def app(self, place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the project's own command, which may fail."""
        return self.run_app(["python", "-m", "app", *arguments], place, **environment)

    def run_app(self, command: list[str], place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however that is."""
        done = subprocess.run(
            command,
            cwd=self.project.root,
            env=self.environment | {"BACKUP_DIRECTORY": str(place)} | environment,
            capture_output=True,
            text=True,
            timeout=APP_SECONDS,
        )
        sys.stderr.write(f"{command} has ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start_backup(self, place: Path) -> Process:
        """Begin a backup; return when a part of it is written."""
        process = self.start("backup", "python", "-m", "app", "backup", BACKUP_DIRECTORY=str(place))
        unfinished = place / f".{SLUG}.unfinished"

        def written() -> bool:
            process.expect_alive()
            return any(path.stat().st_size for path in unfinished.glob("*.gz"))

        wait_for("a part of the backup is written", written, within=APP_SECONDS, every=0.005)
        return process

    def url(self, name: str | Path | None = None, password: str = PASSWORD) -> str:
        """Return the address of a database: the project's own, or another one on the same server."""
        if self.database == "sqlite":
            return f"sqlite:///{name}" if name else self.environment["DATABASE_URL"]
        account = self.variant.account
        server = f"127.0.0.1:{self.servers['database'].port}"
        return f"{DRIVERS[self.database]}://{account}:{quote(password, safe='')}@{server}/{name or account}"

    def empty_database(self) -> str:
        """Make an empty database; return its address."""
        server = self.servers.get("database")
        if isinstance(server, HardPostgreSQL | HardMariaDB):
            name = f"{self.variant.account}_drill_restored"
            server.make_database(name, self.variant.account)
            return self.url(name)
        path = self.directory / "restored.db"
        path.unlink(missing_ok=True)
        return self.url(path)

    def scratch_databases(self) -> bool:
        """Tell whether a drill has left anything."""
        server = self.servers.get("database")
        names = server.databases() if isinstance(server, HardPostgreSQL | HardMariaDB) else ""
        return "_drill_" in names.replace("_drill_restored", "")
