"""The nightly backup: its task, its time, and its settings."""

from datetime import timedelta
from pathlib import Path

import pytest
from celery.schedules import crontab
from pydantic import ValidationError

from app.backups import store
from app.backups.engine import BackupError
from app.backups.schedule import backup_schedule, entries
from app.core.celery import celery_app
from app.core.config.backup import BackupSettings, pace
from app.tasks.backup_database_task import backup_database_task, drill_backup_task


def test_a_backup_is_made_every_night() -> None:
    night = BackupSettings(BACKUP_SCHEDULE=BackupSettings.model_fields["BACKUP_SCHEDULE"].default)

    entry = entries(night)["backup-database"]

    assert entry["schedule"] == crontab(minute="0", hour="3")
    assert entry["task"] == backup_database_task.name == "app.tasks.backup_database_task.backup_database_task"


def test_a_drill_is_scheduled_when_there_is_a_time_for_it() -> None:
    entry = entries(BackupSettings(BACKUP_DRILL_SCHEDULE="0 5 * * 0"))["drill-backup"]

    assert entry["schedule"] == crontab(minute="0", hour="5", day_of_week="0")
    assert entry["task"] == drill_backup_task.name
    assert "drill-backup" not in entries(BackupSettings(BACKUP_DRILL_SCHEDULE=""))


def test_the_scheduler_knows_the_backup() -> None:
    assert celery_app.conf.beat_schedule["backup-database"] == backup_schedule["backup-database"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * *", crontab(minute="0", hour="3")),
        ("*/15 1-5 * * sun", crontab(minute="*/15", hour="1-5", day_of_week="sun")),
        ("every 90 seconds", timedelta(seconds=90)),
    ],
)
def test_a_time_is_a_crontab_or_a_number_of_seconds(text: str, expected: object) -> None:
    assert pace(text) == expected


@pytest.mark.parametrize("text", ["3 o'clock", "0 3 * *", "61 * * * *", "every 0 seconds", "every day"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="it must be five fields as in a crontab"):
        BackupSettings(BACKUP_SCHEDULE=text)


def test_a_key_for_the_bucket_has_two_parts() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        BackupSettings(BACKUP_S3_ACCESS_KEY_ID="key")


def test_the_secret_is_not_shown() -> None:
    configured = BackupSettings(BACKUP_S3_ACCESS_KEY_ID="key", BACKUP_S3_SECRET_ACCESS_KEY="secret")  # noqa: S106

    assert "secret" not in repr(configured)


def test_the_task_tells_what_it_has_made(place: Path) -> None:
    told = backup_database_task(retention_days=30)

    (made,) = store.listed()
    assert told["file"] == str(made.path)
    assert told["rows"] == made.manifest.rows
    assert drill_backup_task()["file"] == str(made.path)


def test_the_task_fails_with_the_reason(database: Path) -> None:
    database.unlink()

    result = backup_database_task.apply()

    assert result.state == "FAILURE"
    assert isinstance(result.result, BackupError)
    assert "There is no database" in str(result.result)


def test_the_task_has_a_time_limit_of_its_own() -> None:
    assert backup_database_task.time_limit == drill_backup_task.time_limit == BackupSettings().BACKUP_TIME_LIMIT
