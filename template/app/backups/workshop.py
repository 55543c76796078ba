"""Where one process at a time makes, tries or restores a backup."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.backups.engine import BackupError
from app.backups.store import directory
from app.core.config.settings import settings


@contextmanager
def workshop() -> Iterator[Path]:
    """Be the only one that makes, tries or restores a backup, in a folder that is empty and goes at the end.

    The lock ends with the process, however that ends; what it left in the folder goes when the next one comes.

    Raises:
        BackupError: Another process is at it.
    """
    place = directory()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(place / f".{settings.app.SLUG}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = place / f".{settings.app.SLUG}.unfinished"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        message = f"Another backup, restore or drill is running in `{place}`."
        raise BackupError(message) from None
    finally:
        os.close(lock)
