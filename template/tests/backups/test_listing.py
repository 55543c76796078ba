"""Backups are listed, found by name, and restored on trial."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.backups import making, store
from app.backups.engine import BackupError
from app.backups.restoring import drill
from tests.backups.conftest import Aged, App, rows


def test_the_latest_is_the_newest_that_is_whole(aged: Aged) -> None:
    whole = aged(2)
    making.make().path.write_bytes(b"")

    assert store.find("latest").path == whole.path


def test_backups_are_listed_with_age_size_rows_and_state(app: App, aged: Aged) -> None:
    assert "There are no backups in " in app("backups").output
    old, new = aged(3), making.make()
    old.path.write_bytes(b"")

    first, second = app("backups").output.splitlines()

    assert first.split("  ")[:2] == [old.path.name, "3 days"]
    assert first.endswith(f"damaged: it has 0 bytes in place of {old.manifest.size}")
    assert second.split("  ")[0] == new.path.name
    assert second.split("  ")[3:] == ["3 rows in 1 tables", "ok"]


def test_a_drill_restores_the_latest_and_leaves_the_database_alone(app: App, database: Path) -> None:
    made = making.make()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM notes")

    done = app("backups", "drill")

    assert done.exit_code == 0
    assert done.output.startswith(f"{made.path.name} can be restored: 3 rows in 1 tables, ")
    assert rows(database) == []


def test_a_drill_compares_the_rows(app: App) -> None:
    made = making.make()
    wrong = made.manifest.model_copy(update={"rows": {"notes": 2, "letters": 1}})
    store.manifest_of(made.path).write_text(wrong.model_dump_json())

    with pytest.raises(BackupError, match="letters has none in place of 1; notes has 3 in place of 2"):
        drill()
    assert app("backups", "drill").exit_code == 1


def test_a_drill_without_a_backup_fails(place: Path) -> None:
    with pytest.raises(BackupError, match=f"There is no backup in `{place}`"):
        drill()
