"""Backups are made, whole or not at all."""

import fcntl
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path
from typing import IO, NoReturn

import pytest

from app.backups import making, s3, store
from app.backups.engine import BackupError, Rows
from app.backups.sqlite import SQLite
from app.core.config.settings import settings
from tests.backups.conftest import ROWS, Aged, names

SLUG = settings.app.SLUG


def test_a_backup_is_a_file_that_only_its_owner_reads_with_a_manifest(place: Path) -> None:
    made = making.make()

    assert names(place) == [made.path.name, f"{made.path.name}.json"]
    assert made.path.name.startswith(f"{SLUG}-")
    assert {path.stat().st_mode & 0o777 for path in place.glob("*-*")} == {0o600}
    assert place.stat().st_mode & 0o777 == 0o700
    manifest = store.read(made.path).manifest
    assert manifest.rows == {"notes": len(ROWS)}
    assert manifest.size == made.path.stat().st_size
    assert manifest.sha256 == store.checksum(made.path)
    assert [backup.state(thorough=True) for backup in store.listed()] == ["ok"]


def test_two_backups_in_a_row_have_two_names(place: Path) -> None:
    assert making.make().path != making.make().path
    assert len(store.listed()) == 2


def test_what_is_being_written_is_not_in_the_backup(database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("INSERT INTO notes VALUES (4, 'not yet')")
        assert making.make().manifest.rows == {"notes": len(ROWS)}
        writer.commit()
    assert making.make().manifest.rows == {"notes": len(ROWS) + 1}


def test_a_failed_backup_leaves_nothing_and_removes_nothing(
    place: Path, aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(90)
    aged(60)
    before = names(place)

    def fail(self: SQLite, stream: IO[bytes]) -> Rows:
        raise BackupError("it is damaged")

    monkeypatch.setattr(SQLite, "rows_in", fail)
    with pytest.raises(BackupError, match="it is damaged"):
        making.make()

    assert names(place) == before
    assert not place.joinpath(f".{SLUG}.unfinished").exists()


def test_a_backup_that_lacks_a_table_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def count_nothing(self: SQLite, stream: IO[bytes]) -> Rows:
        stream.read()
        return {}

    monkeypatch.setattr(SQLite, "rows_in", count_nothing)
    with pytest.raises(BackupError, match="lacks tables that the database has: notes"):
        making.make()

    assert names(place) == []


def test_a_disk_that_lies_is_noticed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = making._write

    def other(engine: SQLite, path: Path) -> tuple[int, int, str]:
        size, unpacked_size, _ = write(engine, path)
        return size, unpacked_size, "another checksum"

    monkeypatch.setattr(making, "_write", other)
    with pytest.raises(BackupError, match="cannot be read again"):
        making.make()

    assert names(place) == []


def test_a_full_disk_is_told_with_figures_before_anything_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 2**30, 3 * 2**20))

    with pytest.raises(BackupError, match=r"needs about 17 MiB, and 3 MiB are free in `.*backups`"):
        making.make()

    assert names(place) == []


def test_one_backup_at_a_time(place: Path) -> None:
    making.make()
    with place.joinpath(f".{SLUG}.lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="Another backup, restore or drill is running"):
            making.make()
    assert len(store.listed()) == 1


def test_what_a_killed_process_has_left_is_removed_by_the_next(place: Path) -> None:
    unfinished = place / f".{SLUG}.unfinished"
    unfinished.mkdir(parents=True)
    unfinished.joinpath("password").write_text("secret")
    killed = making.make()
    killed.path.unlink()  # it had moved the manifest, and not yet the backup
    assert [backup.state() for backup in store.listed()] == ["missing"]

    making.make()

    assert [backup.state() for backup in store.listed()] == ["ok"]
    assert not unfinished.exists()


def test_a_database_that_is_not_there_is_named(database: Path) -> None:
    database.unlink()

    with pytest.raises(BackupError, match=f"There is no database `{database}`"):
        making.make()


def test_without_a_bucket_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(s3, "_client", never)
    making.make()
