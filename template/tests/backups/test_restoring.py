"""Backups are restored, by the commands as an operator types them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.backups import making, restoring, store
from app.core.config.database import DatabaseSettings
from app.core.config.settings import settings
from tests.backups.conftest import ROWS, App, rows


def test_a_backup_gives_back_what_was_there(app: App, database: Path) -> None:
    assert app("backup").exit_code == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM notes")

    done = app("restore", "latest", "--force", "--yes")

    assert done.exit_code == 0, done.output
    assert "Restored 3 rows in 1 tables." in done.output
    assert rows(database) == ROWS


def test_whoever_has_the_database_open_sees_what_was_restored(database: Path, app: App) -> None:
    making.make()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM notes")
        connection.commit()
        assert app("restore", "latest", "--force", "--yes").exit_code == 0
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (len(ROWS),)


def test_a_database_that_is_not_empty_is_refused(app: App, database: Path) -> None:
    making.make()

    done = app("restore", "latest", "--yes")

    assert done.exit_code == 1
    assert "is not empty; --force removes what is in it." in done.output
    assert rows(database) == ROWS


def test_another_database_can_be_named(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making.make()
    places = [tmp_path / name for name in ("name.db", "url.db", "variable.db")]
    monkeypatch.setenv("RESTORE_INTO", f"sqlite:///{places[2]}")

    for given in (("--into", str(places[0])), ("--into", f"sqlite:///{places[1]}"), ()):
        done = app("restore", "latest", "--yes", *given)
        assert done.exit_code == 0, done.output

    assert [rows(path) for path in places] == [ROWS] * 3


def test_a_url_is_read_with_the_driver_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = make_url("sqlite:///app.db")
    monkeypatch.setattr(settings, "database", DatabaseSettings(DATABASE_URL="sqlite+pysqlite:///app.db"))

    assert restoring.target("sqlite+aiosqlite:///other.db").drivername == configured.drivername
    assert restoring.target("other.db") == configured.set(database="other.db")
    assert restoring.target(None) == configured


def test_a_url_of_no_database_is_not_repeated(app: App) -> None:
    making.make()

    done = app("restore", "latest", "--into", "mongodb://me:secret@localhost/app")

    assert done.exit_code == 1
    assert "error: The database cannot be used: it must be the address of " in done.output
    assert "secret" not in done.output


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_it_asks_first(answer: str, code: int, app: App, tmp_path: Path) -> None:
    making.make()
    target = tmp_path / "restored.db"

    done = app("restore", "latest", "--into", str(target), answer=answer)

    assert done.exit_code == code
    assert "This fills the empty database" in done.output
    assert target.exists() == (code == 0)


def test_a_damaged_backup_is_refused_and_shown(app: App, database: Path) -> None:
    made = making.make()
    content = bytearray(made.path.read_bytes())
    content[len(content) // 2] ^= 1
    made.path.write_bytes(content)

    done = app("restore", "latest", "--force", "--yes")

    assert done.exit_code == 1
    assert f"`{made.path}` is damaged: its checksum is another one." in done.output
    assert app("backups").output.rstrip().endswith("  ok")
    assert app("backups", "--check").output.rstrip().endswith("  damaged: its checksum is another one")
    assert rows(database) == ROWS


def test_a_backup_is_named_by_its_path_or_its_name(app: App, tmp_path: Path) -> None:
    made = making.make()

    for number, name in enumerate([made.path.name, str(made.path)]):
        assert app("restore", name, "--yes", "--into", str(tmp_path / f"{number}.db")).exit_code == 0
    missing = app("restore", "none.gz", "--yes")
    assert missing.exit_code == 1
    assert "There is no backup `none.gz`; `app backups` shows those that there are." in missing.output
    bare = tmp_path / "bare.gz"
    bare.touch()
    assert "cannot be checked without its manifest `bare.gz.json`" in app("restore", str(bare), "--yes").output


def test_a_backup_of_another_kind_of_database_is_refused(app: App) -> None:
    made = making.make()
    other = made.manifest.model_copy(update={"engine": "other"})
    store.manifest_of(made.path).write_text(other.model_dump_json())

    done = app("restore", "latest", "--force", "--yes")

    assert done.exit_code == 1
    assert "is of a other database, and this is one of sqlite." in done.output
