"""A backup is restored: for good, or on trial in a scratch database."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import URL, make_url

from app.backups import store
from app.backups.engine import BackupError, Engine, Rows
from app.backups.engines import engine_for
from app.backups.store import Backup
from app.backups.workshop import workshop
from app.core.addresses import database
from app.core.config.settings import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drill:
    """A backup that was restored on trial, and how long that took in seconds."""

    backup: Backup
    seconds: float


def target(into: str | None) -> URL:
    """Return the database that is meant.

    Args:
        into: A URL, or the name of another database on the server of the configured one, which nothing means.

    Raises:
        BackupError: It is neither.
    """
    configured = make_url(settings.database.direct_url)
    if not into:
        return configured
    if "://" not in into:
        return configured.set(database=into)
    try:
        return make_url(database.read(into))
    except ValueError as error:
        message = f"The database cannot be used: {error}."
        raise BackupError(message) from None


def restore(backup: Backup, into: URL, *, force: bool, confirm: Callable[[str], None]) -> Rows:
    """Put a backup into a database.

    Args:
        backup: What is restored; its checksum is compared first.
        into: Where to.
        force: Also into a database that is not empty; what is in it is removed.
        confirm: Called with what is about to happen, before it does; raises to prevent it.

    Returns:
        The rows of each table, as they are in the database now.

    Raises:
        BackupError: It cannot be done, or has failed; the text says why.
        OSError: The disk has failed, or is full.
    """
    with workshop() as folder:
        engine = engine_for(into, folder)
        _expect_whole(backup, engine)
        full = bool(engine.tables())
        if full and not force:
            message = f"`{engine.shown()}` is not empty; --force removes what is in it."
            raise BackupError(message)
        loss = "REMOVES EVERYTHING that is in" if full else "fills the empty database"
        confirm(f"This {loss} `{engine.shown()}`{', and fills it' if full else ''} with {backup.path.name}.")
        return _restore(backup, engine, clear=full)


def drill() -> Drill:
    """Restore the latest backup into a scratch database, compare the rows of every table, and remove it.

    Raises:
        BackupError: The backup is not good, or there is none.
        OSError: The disk has failed, or is full.
    """
    with workshop() as folder:
        backup = store.find("latest")
        engine = engine_for(make_url(settings.database.direct_url), folder)
        _expect_whole(backup, engine)
        started = time.monotonic()
        with engine.scratch() as scratch:
            _restore(backup, scratch, clear=False)
        seconds = round(time.monotonic() - started, 3)
    logger.info("restored %s on trial in %s seconds", backup.path, seconds)
    return Drill(backup, seconds)


def _expect_whole(backup: Backup, engine: Engine) -> None:
    state = backup.state(thorough=True)
    if state != "ok":
        message = f"`{backup.path}` is {state}."
        raise BackupError(message)
    if backup.manifest.engine != engine.name:
        message = f"`{backup.path.name}` is of a {backup.manifest.engine} database, and this is one of {engine.name}."
        raise BackupError(message)


def _restore(backup: Backup, engine: Engine, *, clear: bool) -> Rows:
    with backup.content() as stream:
        engine.restore(stream, clear=clear)
    expected = backup.manifest.rows
    rows = engine.count(expected)
    if rows != expected:
        different = [
            f"{table} has {rows.get(table, 'none')} in place of {count}"
            for table, count in sorted(expected.items())
            if rows.get(table) != count
        ]
        message = (
            f"The rows restored from `{backup.path.name}` are not those of the backup: {'; '.join(different)}."
            " Does something write there?"
        )
        raise BackupError(message)
    return rows
