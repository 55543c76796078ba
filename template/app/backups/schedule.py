"""When backups are made, and when one is restored on trial; `app/core/celery.py` adds it to the schedule."""

from typing import Any

from app.core.config.backup import BackupSettings, pace
from app.core.config.settings import settings

TASKS = "app.tasks.backup_database_task"
# Seconds after which a run that could not start is dropped: the next night's is near.
EXPIRES = 20 * 3600


def _entry(task: str, text: str) -> dict[str, Any]:
    return {"task": f"{TASKS}.{task}", "schedule": pace(text), "options": {"expires": EXPIRES}}


def entries(configured: BackupSettings) -> dict[str, dict[str, Any]]:
    """Return the schedule that some settings ask for, in Celery's own form."""
    found = {"backup-database": _entry("backup_database_task", configured.BACKUP_SCHEDULE)}
    if configured.BACKUP_DRILL_SCHEDULE:
        found["drill-backup"] = _entry("drill_backup_task", configured.BACKUP_DRILL_SCHEDULE)
    return found


backup_schedule = entries(settings.backup)
