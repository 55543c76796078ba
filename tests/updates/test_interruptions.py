"""What stops an update half-way: a killed process, Ctrl-C, a full disk, a second update."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.updates.conftest import Forge, commit, content, git
from tests.updates.edits import replace

KILLING = Path(__file__).parent / "killing"
COMMAND = [sys.executable, "-m", "forge_cli"]


@pytest.fixture
def torn(demo: Path) -> Path:
    replace(demo / "README.md", "line 5\n", "line V\n")
    commit(demo)
    return demo


@pytest.mark.matrix
def test_a_killed_update_is_undone_by_the_next_command(torn: Path, forge: Forge, tmp_path: Path) -> None:
    before = content(torn)
    undone = 0
    for move in range(1, 100):
        copy = tmp_path / f"killed-{move}"
        shutil.copytree(torn, copy, symlinks=True)
        path = os.pathsep.join([str(KILLING), os.environ.get("PYTHONPATH", "")])
        killed = subprocess.run(
            [*COMMAND, "update", copy, "--yes"],
            env={**os.environ, "PYTHONPATH": path, "KILL_AT_MOVE": str(move)},
            capture_output=True,
            text=True,
            check=False,
        )
        if killed.returncode == 3:  # it had fewer files to move
            break
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        commands = (
            ("check", copy),
            ("update", copy, "--dry-run"),
            ("set", copy, "extra=no"),
            ("update", copy, "--abort"),
        )
        ran = forge(*commands[move % 4])
        assert ran.err == ""
        undone += "update from v1.0.0 to v1.1.0" in ran.out
        if move % 4 < 3 and "not over" in ran.out:  # it had come to its end
            assert forge("update", copy, "--abort").code == 0
        assert content(copy) == before, move
        assert git(copy, "status", "--porcelain") == ""
        assert not list((copy / ".git" / "forge").glob("*/*"))
    else:
        pytest.fail("the update never came to its end")
    assert move > 10
    assert undone > 10


def test_ctrl_c_leaves_the_project_as_it_was_or_updated(torn: Path, tmp_path: Path) -> None:
    before = content(torn)
    folder = tmp_path / "temporary"
    folder.mkdir()
    ended = set()
    for delay in (0.2, 0.5, 0.8, 1.1):
        running = subprocess.Popen(
            [*COMMAND, "update", torn, "--yes"],
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(delay)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)
        running.communicate(timeout=60)
        ended.add(running.returncode)
        # Before Python has begun with Forge and after Forge has ended, the signal ends Python itself.
        assert running.returncode in {130, -signal.SIGINT, 3}
        if content(torn) != before:
            assert git(torn, "diff", "--name-only", "--diff-filter=U") == "README.md"  # it came to its end
            subprocess.run([*COMMAND, "update", torn, "--abort"], check=True, capture_output=True)
        assert content(torn) == before
        assert git(torn, "status", "--porcelain") == ""
        assert list(folder.iterdir()) == []
    assert 130 in ended


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system that is full needs the right to mount one")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_leaves_the_project_as_it_was(torn: Path, small_disk: Path, forge: Forge) -> None:
    place = small_disk / "demo"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{torn}", place], check=True)
    shutil.rmtree(place / ".git" / "hooks", ignore_errors=True)
    (place / ".env").write_text("PASSWORD=secret\n")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 1024)
    os.truncate(filler, filler.stat().st_size - 8192)  # two pages: not enough for the new files
    before = content(place)

    ran = forge("update", place, "--yes")

    assert ran.code == 1
    assert ran.err == f"error: `{place}` is as it was: No space left on device.\n"
    assert content(place) == before
    assert git(place, "status", "--porcelain") == ""
    filler.unlink()
    assert forge("update", place, "--yes").code == 3


def test_two_updates_of_a_project_do_not_run_at_once(torn: Path, forge: Forge) -> None:
    (torn / ".git" / "forge").mkdir()
    with FileLock(torn / ".git" / "forge" / "update-.lock"):
        ran = forge("update", torn, "--yes")
    assert ran.code == 1
    assert "Another update of" in ran.err
    assert forge("update", torn, "--yes").code == 3
