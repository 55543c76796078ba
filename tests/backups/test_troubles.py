"""What can go wrong with a backup: it fails with words that help, and the earlier backups are as they were."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.boot.polling import wait_for
from tests.faults import outages

from .projects import APP_SECONDS, SLUG, BackupStage

pytestmark = pytest.mark.faults

DUMPERS = {"postgresql": "pg_dump", "mysql": "mariadb-dump"}
OLD = {
    "postgresql": "pg_dump (PostgreSQL) 9.6.1",
    "mysql": "mariadb-dump  Ver 10.19 Distrib 5.5.62-MariaDB, for debian-linux-gnu (x86_64)",
}

TASK = """
from app.tasks.backup_database_task import backup_database_task
result = backup_database_task.delay()
print(repr(result.get(timeout=60, propagate=False)), result.state)
"""


@contextmanager
def earlier_backups_are_untouched(stage: BackupStage) -> Iterator[Path]:
    """Return a directory with a backup; afterwards it alone is there, and is what it was."""
    place = stage.place_with_a_backup()
    before = contents(place)
    assert len(before) == 2
    yield place
    assert contents(place) == before


def contents(place: Path) -> dict[str, bytes]:
    """Return what could be taken for backups."""
    return {path.name: path.read_bytes() for path in place.iterdir() if not path.name.startswith(".")}


def test_a_backup_that_is_killed_leaves_nothing_that_the_next_one_does_not_remove(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        backup = stage.start_backup(place)
        os.kill(backup.process.pid, signal.SIGKILL)
        backup.process.wait()

        wait_for("the dump program has ended too", lambda: not backup.family(), within=APP_SECONDS)
        left = place / f".{SLUG}.unfinished"
        assert any(left.iterdir())

    assert stage.app(place, "backup").returncode == 0
    assert len(contents(place)) == 4
    assert not left.exists()


@contextmanager
def small_disk(place: Path, mib: int) -> Iterator[None]:
    """Put a file system of some MiB at a directory."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_too_small_is_refused_with_figures_before_anything_is_written(stage: BackupStage) -> None:
    earlier, full = stage.place_with_a_backup(), stage.place()
    full.mkdir()
    with small_disk(full, mib=8 + sum(map(len, contents(earlier).values())) // 2**20):
        shutil.copytree(earlier, full, dirs_exist_ok=True)
        before = contents(full)

        done = stage.app(full, "backup")

        assert done.returncode == 1
        figures = r"error: The disk is too full for a backup: it needs about \d+ MiB, and \d+ MiB are free in "
        assert re.match(figures, done.stderr), done.stderr
        assert contents(full) == before


def test_a_disk_that_fills_up_fails_the_backup(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        # A limit of a megabyte for each file (dash counts in 512 bytes) is a disk that is full for root too.
        done = stage.run_app(["sh", "-c", "ulimit -f 2048; exec python -m app backup"], place)

        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
        assert not (place / f".{SLUG}.unfinished").exists()


@pytest.mark.on("postgresql", "mysql")
def test_a_wrong_password_is_a_failure_of_the_task_with_the_servers_words(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        wrong = stage.url(password="wr0ng@/ü")
        stage.start_worker("worker", BACKUP_DIRECTORY=str(place), DATABASE_URL=wrong)

        told = stage.script(TASK)
        stage.start_worker()

    assert told.rstrip().endswith("FAILURE")
    assert {"postgresql": "password authentication failed", "mysql": "Access denied"}[stage.database] in told
    assert "wr0ng" not in told + stage.processes["worker"].output()


@pytest.mark.on("postgresql", "mysql")
def test_a_server_that_goes_away_fails_the_backup_with_the_programs_words(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        backup = stage.start_backup(place)
        outages.kill(stage.servers["database"])

        assert backup.exit_code(within=APP_SECONDS) == 1
        assert "` has failed with " in backup.output()
        assert not (place / f".{SLUG}.unfinished").exists()
        stage.servers["database"].launch()


@pytest.mark.on("postgresql", "mysql")
def test_a_missing_program_is_named(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        done = stage.app(place, "backup", PATH=stage.environment["PATH"].split(os.pathsep)[0])

        assert done.returncode == 1
        assert f"error: `{DUMPERS[stage.database]}` is not installed" in done.stderr


@pytest.mark.on("postgresql", "mysql")
def test_a_program_that_is_older_than_the_server_is_not_used(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        old = OLD[stage.database]
        done = stage.app(place, "backup", **wrapped(stage, f'test "$1" != --version || {{ echo "{old}"; exit; }}'))

        assert done.returncode == 1
        assert f"error: `{old}` is older than the server, which is " in done.stderr


@pytest.mark.on("postgresql", "mysql")
def test_a_dump_that_ends_early_is_no_backup_though_the_program_says_it_is(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        real = shutil.which(DUMPERS[stage.database])
        cut = f'test "$1" = --version || {{ {real} "$@" | head -c 1000000; exit 0; }}'
        done = stage.app(place, "backup", **wrapped(stage, cut))

        assert done.returncode == 1
        assert "error: The dump is not whole: its last line is missing." in done.stderr


@pytest.mark.on("postgresql", "mysql")
def test_a_failing_program_is_quoted(stage: BackupStage) -> None:
    with earlier_backups_are_untouched(stage) as place:
        broken = 'test "$1" = --version || { echo "the moon is in the way" >&2; exit 3; }'
        done = stage.app(place, "backup", **wrapped(stage, broken))

        assert done.returncode == 1
        assert done.stderr == f"error: `{DUMPERS[stage.database]}` has failed with 3: the moon is in the way\n"


def wrapped(stage: BackupStage, script: str) -> dict[str, str]:
    """Put a script before the dump program; return the environment that finds it first."""
    name = DUMPERS[stage.database]
    folder = stage.path("programs")
    folder.mkdir()
    program = folder / name
    program.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which(name)} "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{stage.environment['PATH']}"}
