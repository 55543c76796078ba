"""What runs when: https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html.

An entry names a task by its registered name; `tests/test_schedule.py` checks that it exists and its arguments fit.
"""

from typing import Any

from celery.schedules import crontab

beat_schedule: dict[str, dict[str, Any]] = {
    "report-free-space": {
        "task": "app.tasks.example_task.report_free_space",
        "schedule": crontab(minute="*/15"),
        # A run that could not start within its quarter of an hour is dropped, for the next one is there.
        "options": {"expires": 900},
    },
}
