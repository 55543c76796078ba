"""A backup is made: written where nobody looks, read again, and only then put in its place."""

import gzip
import logging
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, cast

from sqlalchemy import make_url

from app.backups import s3, store
from app.backups.engine import SPARE, BackupError, Engine, Rows, label
from app.backups.engines import engine_for
from app.backups.store import Backup, Manifest
from app.backups.stream import CHUNK, Digested, unpacked
from app.backups.workshop import workshop
from app.core.config.settings import settings

logger = logging.getLogger(__name__)

LEVEL = 6  # gzip's own default; Python's is 9, which takes three times as long for a percent


def make(retention_days: int | None = None) -> Backup:
    """Back up the database, copy the backup to the bucket if there is one, and remove those that are too old.

    Args:
        retention_days: Days after which older backups are removed; by default those of the settings.

    Raises:
        BackupError: It has failed, and says why; no older backup was touched.
        OSError: The disk has failed, or is full; no older backup was touched.
    """
    days = settings.backup.BACKUP_RETENTION_DAYS if retention_days is None else retention_days
    if days < 1:
        message = f"retention_days must be 1 or more, not {days}"
        raise ValueError(message)
    with workshop() as folder:
        started = time.monotonic()
        engine = engine_for(make_url(settings.database.direct_url), folder)
        versions = engine.versions()
        _expect_room(engine)
        created_at = _moment(engine.suffix)
        path = folder / store.name(created_at, engine.suffix)
        tables, left_out = {label(*table) for table in engine.tables()}, engine.left_out()
        size, unpacked_size, sha256 = _write(engine, path)
        rows = _verify(engine, path, unpacked_size, sha256)
        if missing := sorted(tables - rows.keys()):
            message = f"The backup lacks tables that the database has: {', '.join(missing)}."
            raise BackupError(message)
        manifest = Manifest(
            slug=settings.app.SLUG,
            engine=engine.name,
            server_version=versions.server,
            tool_version=versions.tool,
            created_at=created_at,
            seconds=round(time.monotonic() - started, 3),
            size=size,
            unpacked_size=unpacked_size,
            sha256=sha256,
            rows=rows,
            left_out=left_out,
        )
        backup = _publish(path, manifest)
        logger.info("backed up %s tables in %s seconds: %s", len(rows), manifest.seconds, backup.path)
        if left_out:
            logger.warning("left out of the backup: %s", ", ".join(left_out))
        s3.copy(backup)
        prune(days)
    return backup


def prune(days: int) -> list[Backup]:
    """Remove this project's backups that are older, but for a minimum of the newest whole ones; return them."""
    backups = {backup.path: (backup, backup.state()) for backup in store.listed()}
    kept = [path for path, (_, state) in backups.items() if state == "ok"][-settings.backup.BACKUP_KEEP_MINIMUM :]
    too_old = timedelta(days=days).total_seconds()
    # A manifest alone was left by a process that was killed before it had moved the backup to its place.
    removed = [
        backup
        for path, (backup, state) in backups.items()
        if path not in kept and (backup.age > too_old or state == "missing")
    ]
    for backup in removed:
        backup.remove()
        logger.info("removed %s, which was made on %s", backup.path, backup.manifest.created_at.date())
    return removed


def _expect_room(engine: Engine) -> None:
    """Refuse to begin what the disk cannot hold: as much as the last backup and a half, or as the whole database."""
    last = [backup.manifest for backup in store.listed() if backup.manifest.engine == engine.name]
    needed = (last[-1].size * 3 // 2 if last else engine.size()) + engine.room() + SPARE
    free = shutil.disk_usage(engine.folder).free
    if free < needed:
        message = (
            f"The disk is too full for a backup: it needs about {_mib(needed)} MiB, and {_mib(free)} MiB are free"
            f" in `{store.directory()}`."
        )
        raise BackupError(message)


def _moment(suffix: str) -> datetime:
    """Return a time, to the second, at which no other backup was made."""
    while True:
        now = datetime.now(UTC).replace(microsecond=0)
        if not store.manifest_of(store.directory() / store.name(now, suffix)).exists():
            return now
        time.sleep(0.05)


def _write(engine: Engine, path: Path) -> tuple[int, int, str]:
    """Write the compressed backup to a new file; return its size, the size of what is in it, and its checksum."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        digested = Digested(file)
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=digested)
        with packed, engine.dump() as stream:
            shutil.copyfileobj(stream, cast("IO[bytes]", packed), CHUNK)
            unpacked_size = packed.tell()
        file.flush()
        os.fsync(file.fileno())
    return digested.size, unpacked_size, digested.sha256


def _verify(engine: Engine, path: Path, unpacked_size: int, sha256: str) -> Rows:
    """Read what is on the disk, unpack it, which checks its CRC, and count its rows."""
    with path.open("rb") as file:
        digested = Digested(file)
        with unpacked(cast("IO[bytes]", digested), unpacked_size) as stream:
            rows = engine.rows_in(stream)
    if digested.sha256 != sha256:
        message = f"What was written to `{path.parent}` cannot be read again: the disk may be failing."
        raise BackupError(message)
    return rows


def _publish(path: Path, manifest: Manifest) -> Backup:
    """Move the manifest, then the backup, to their place; either is there whole or not at all, also after a crash."""
    place = store.directory()
    written = store.manifest_of(path)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(manifest.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    for each in (written, path):
        each.rename(place / each.name)
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Backup(place / path.name, manifest)


def _mib(size: int) -> int:
    return -(-size // 2**20)
