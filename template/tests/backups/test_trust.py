"""What stands in the directory of backups is examined before it is used, whoever has put it there."""

import gzip
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from app.backups import making, store
from app.backups.store import Backup
from app.core.config.settings import settings
from tests.backups.conftest import ROWS, App, names, rows

MANY = 50 * 2**20  # bytes, which pack into some 50 KB


def forge(backup: Backup, packed: bytes, **told: Any) -> Backup:
    """Put something else in the place of a backup, with a manifest whose size and checksum fit."""
    backup.path.write_bytes(packed)
    fitting = {"size": len(packed), "sha256": store.checksum(backup.path)}
    manifest = backup.manifest.model_copy(update=fitting | told)
    store.manifest_of(backup.path).write_text(manifest.model_dump_json())
    return Backup(backup.path, manifest)


def refused(app: App, place: Path) -> str:
    """Try every command; return the last line, which all of them end with."""
    before = names(place)
    said = set()
    for command in (["backups", "drill"], ["restore", names(place)[0], "--force", "--yes"]):
        done = app(*command)
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit), done.exception
        said.add(done.output.splitlines()[-1])
    assert names(place) == before
    assert not list(place.glob(".*.unfinished"))
    assert len(said) == 1
    return said.pop()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0" * MANY, "it unpacks to more than {} bytes"),
        (b"short", "it unpacks to less than {} bytes"),
    ],
)
def test_a_backup_that_unpacks_to_another_size_than_its_manifest_tells_is_refused(
    content: bytes, reason: str, app: App, place: Path, database: Path
) -> None:
    made = making.make()
    forge(made, gzip.compress(content))

    expected = f"damaged: {reason.format(made.manifest.unpacked_size)}"

    assert refused(app, place) == f"error: `{made.path}` is {expected}."
    assert app("backups", "--check").output.rstrip().endswith(expected)
    assert rows(database) == ROWS


def test_a_backup_that_the_disk_cannot_hold_is_refused_though_its_manifest_tells_the_same(
    app: App, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(making.make(), gzip.compress(b"\0" * MANY), unpacked_size=MANY)
    usage = namedtuple("usage", "total used free")

    def disk_usage(folder: Path) -> usage:
        written = sum(path.stat().st_size for path in folder.iterdir())
        assert written < MANY
        return usage(MANY, written, MANY - written)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    assert refused(app, place) == f"error: The disk is too full to unpack the backup in `{place}`."


def test_a_backup_of_an_earlier_version_is_restored_without_the_size_of_what_is_in_it(app: App, database: Path) -> None:
    made = making.make()
    forge(made, made.path.read_bytes(), unpacked_size=None)

    assert app("restore", "latest", "--force", "--yes").exit_code == 0
    assert rows(database) == ROWS


CUT = gzip.compress(b"x" * 99, mtime=0)[:-9]


@pytest.mark.parametrize("packed", [b"", b"no gzip", CUT, b"\x1f\x8b\x08\0" + b"\xff" * 99])
def test_a_backup_that_cannot_be_unpacked_is_refused(packed: bytes, app: App, place: Path) -> None:
    forge(making.make(), packed)

    assert "is damaged: it " in refused(app, place)


@pytest.mark.parametrize(
    "told",
    [
        {"created_at": "2026-11-21T03:00:00"},
        {"created_at": 1e300},
        {"size": -1},
        {"size": 10**400},
        {"unpacked_size": -1},
        {"seconds": "NaN"},
        {"rows": {"notes": 10**400}},
        {"rows": ["notes"]},
        {"sha256": None},
        [],
        "x" * (store.LARGEST_MANIFEST + 1),
    ],
    ids=str,
)
def test_a_manifest_that_is_none_is_told_and_keeps_nothing_from_being_backed_up(
    told: Any, app: App, place: Path
) -> None:
    made = making.make()
    text = json.dumps({**made.manifest.model_dump(mode="json"), **told} if isinstance(told, dict) else told)
    store.manifest_of(made.path).write_text(text)

    done = app("restore", made.path.name, "--yes")

    assert done.output == f"error: `{made.path}` cannot be checked: `{made.path.name}.json` is not a manifest.\n"
    assert app("backups").exit_code == 0
    assert making.prune(1) == []


def test_what_is_no_file_is_no_manifest(app: App, place: Path) -> None:
    made = making.make()
    store.manifest_of(made.path).unlink()
    os.mkfifo(store.manifest_of(made.path))  # whoever reads it waits for a writer

    assert "is not a manifest" in app("restore", made.path.name, "--yes").output
    assert app("backup").exit_code == 0


def test_a_link_is_not_taken_for_the_lock(app: App, place: Path, tmp_path: Path) -> None:
    place.mkdir()
    elsewhere = tmp_path / "elsewhere"
    place.joinpath(f".{settings.app.SLUG}.lock").symlink_to(elsewhere)

    done = app("backup")

    assert done.exit_code == 1
    assert done.output.startswith("error: ")
    assert not elsewhere.exists()


def test_a_database_that_is_restored_keeps_its_mode_and_a_new_one_is_for_its_owner_alone(
    app: App, database: Path, tmp_path: Path
) -> None:
    database.chmod(0o640)
    making.make()
    new = tmp_path / "new.db"

    assert app("restore", "latest", "--force", "--yes").exit_code == 0
    assert app("restore", "latest", "--yes", "--into", str(new)).exit_code == 0

    assert [path.stat().st_mode & 0o777 for path in (database, new)] == [0o640, 0o600]
