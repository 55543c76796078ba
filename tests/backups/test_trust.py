"""A backup that somebody else has written runs nothing where it is restored, and reads nothing."""

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from .projects import BackupStage

pytestmark = [pytest.mark.faults, pytest.mark.on("postgresql", "mysql")]

# Each leaves the file `TRACE` when the client obeys it. A dump itself begins with a restriction, which `KEY` lifts.
COMMANDS = {
    "postgresql": [
        r"\! touch TRACE",
        r"SELECT 1 \g | touch TRACE",
        r"\copy (SELECT 1) TO PROGRAM 'touch TRACE'",
        r"\o TRACE",
        "\\unrestrict KEY\n\\! touch TRACE",
    ],
    "mysql": [r"\! touch TRACE;", "system touch TRACE;", "tee TRACE", r"SELECT 1; \! touch TRACE"],
}
READS = "CREATE TABLE found (line TEXT); LOAD DATA LOCAL INFILE 'TRACE' INTO TABLE found;"


@pytest.fixture
def made(stage: BackupStage, place: Path) -> Path:
    """The backup of a database with nothing in it."""
    assert stage.app(place, "backup", DATABASE_URL=stage.empty_database()).returncode == 0
    (path,) = place.glob("*.gz")
    return path


def drill(stage: BackupStage, made: Path, command: str, trace: Path) -> str:
    """Restore a backup that has a command before its last line, and a manifest that fits; return what is said."""
    path = shutil.copytree(made.parent, stage.place()) / made.name
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    key = next((line.split()[1].decode() for line in lines if line.startswith(b"\\restrict ")), "none")
    text = command.replace("TRACE", str(trace)).replace("KEY", key) + "\n"
    path.write_bytes(gzip.compress(b"".join([*lines[:-4], text.encode(), *lines[-4:]])))
    manifest = path.with_name(f"{path.name}.json")
    fits = {
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "unpacked_size": len(gzip.decompress(path.read_bytes())),
    }
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | fits))
    drilled = stage.app(path.parent, "backups", "drill")
    assert drilled.returncode == 1, command
    return drilled.stderr


def test_no_command_in_a_backup_is_obeyed(stage: BackupStage, made: Path) -> None:
    program = {"postgresql": "psql", "mysql": "mariadb"}[stage.database]
    for command in COMMANDS[stage.database]:
        trace = stage.path()

        said = drill(stage, made, command, trace)

        assert not trace.exists(), command
        assert said.startswith(f"error: `{program}` has failed with "), command


@pytest.mark.on("mysql")
def test_no_file_of_this_machine_is_read(stage: BackupStage, made: Path) -> None:
    secret = stage.path("secret")
    secret.write_text("hunter2\n")

    said = drill(stage, made, READS, secret)

    assert said.startswith("error: `mariadb` has failed with ")
