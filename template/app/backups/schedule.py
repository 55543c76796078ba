"""When backups are made, and when one is restored on trial; `app/core/celery.py` adds it to the schedule."""

from typing import Any

from app.core.config.backup import pace
from app.core.config.settings import settings

TASKS = "app.tasks.backup_database_task"
# Seconds after which a run that could not start is dropped: the next night's is near.
EXPIRES = 20 * 3600


def _entry(task: str, text: str) -> dict[str, Any]:
    return {"task": f"{TASKS}.{task}", "schedule": pace(text), "options": {"expires": EXPIRES}}


backup_schedule: dict[str, dict[str, Any]] = {
    "backup-database": _entry("backup_database_task", settings.backup.BACKUP_SCHEDULE)
}
if settings.backup.BACKUP_DRILL_SCHEDULE:
    backup_schedule["drill-backup"] = _entry("drill_backup_task", settings.backup.BACKUP_DRILL_SCHEDULE)
