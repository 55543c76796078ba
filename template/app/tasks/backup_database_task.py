"""The nightly backup, and its trial. `app/backups/schedule.py` says when they run."""

from typing import Any

from app.backups import making, restoring
from app.core.celery import celery_app
from app.core.config.settings import settings


# No retry: what has failed (a full disk, a wrong password) wants somebody to look, and the next night comes.
@celery_app.task(time_limit=settings.backup.BACKUP_TIME_LIMIT)
def backup_database_task(retention_days: int | None = None) -> dict[str, Any]:
    """Back up the database, then remove this project's backups that are older than `retention_days`.

    Raises:
        BackupError: It has failed, and says why; no older backup was touched.
    """
    made = making.make(retention_days)
    return {"file": str(made.path), **made.manifest.model_dump(mode="json")}


@celery_app.task(time_limit=settings.backup.BACKUP_TIME_LIMIT)
def drill_backup_task() -> dict[str, Any]:
    """Restore the latest backup into a scratch database, compare the rows of every table, and remove it.

    Raises:
        BackupError: It cannot be restored, or there is none.
    """
    done = restoring.drill()
    return {"file": str(done.backup.path), "seconds": done.seconds}
