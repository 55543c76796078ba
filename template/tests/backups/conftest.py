"""What the tests of the backups share: a directory of its own for each, and a database to back up."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.backups import making, store
from app.backups.store import Backup
from app.cli import cli
from app.core.config.backup import BackupSettings
from app.core.config.database import DatabaseSettings
from app.core.config.settings import settings

ROWS = [(1, "text"), (2, "ü\n\t'\"\\ 漢 😀"), (3, None)]

Aged = Callable[[int], Backup]
App = Callable[..., Result]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory for backups, which does not exist yet."""
    configured = BackupSettings(
        BACKUP_DIRECTORY=tmp_path / "backups",
        BACKUP_RETENTION_DAYS=30,
        BACKUP_KEEP_MINIMUM=1,
        BACKUP_S3_BUCKET="",
    )
    monkeypatch.setattr(settings, "backup", configured)
    return configured.BACKUP_DIRECTORY


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a database with a table; the one of the other tests may be on a server."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE notes (id INTEGER, note TEXT)")
        connection.executemany("INSERT INTO notes VALUES (?, ?)", ROWS)
    monkeypatch.setattr(settings, "database", DatabaseSettings(DATABASE_URL=f"sqlite:///{path}"))
    return path


@pytest.fixture
def aged() -> Aged:
    """Return a function that makes a backup and says that it was made some days ago."""

    def make(days: int) -> Backup:
        made = making.make()
        manifest = made.manifest.model_copy(update={"created_at": datetime.now(UTC) - timedelta(days=days)})
        path = made.path.rename(made.path.with_name(store.name(manifest.created_at, ".sqlite3.gz")))
        store.manifest_of(made.path).unlink()
        store.manifest_of(path).write_text(manifest.model_dump_json())
        return Backup(path, manifest)

    return make


@pytest.fixture
def app() -> App:
    """Return a function that runs the project's own command."""

    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(cli, arguments, input=answer)

    return run


def rows(path: Path) -> list[tuple[int, str | None]]:
    """Return what is in the table."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM notes ORDER BY id").fetchall()


def names(place: Path) -> list[str]:
    """Return what could be taken for backups."""
    return sorted(path.name for path in place.iterdir() if not path.name.startswith("."))
