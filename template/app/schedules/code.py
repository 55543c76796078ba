"""The entries of the code: from Celery's format, which `app/core/schedule.py` is written in, to schedules.

https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html
"""

import inspect
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import BaseSchedule, crontab, schedule

from app.jobs.registry import UnknownTask, registered
from app.schedules.entry import BadSchedule, check, parse
from app.schedules.schedule import Schedule

logger = logging.getLogger(__name__)

OPTIONS = {"queue", "priority", "expires"}

# What Celery's own scheduler adds: not every store removes by itself the results that have expired.
CLEANUP = {
    "celery.backend_cleanup": {
        "task": "celery.backend_cleanup",
        "schedule": crontab("0", "4", "*"),
        "options": {"expires": 12 * 3600},
    }
}


def schedules(app: Celery[Any]) -> dict[str, Schedule | None]:
    """Return the schedules of an application's entries by name; none for one that cannot run, and the log says why."""
    needed = app.conf.result_expires and not app.backend.supports_autoexpire
    entries: dict[str, dict[str, Any]] = (CLEANUP if needed else {}) | dict(app.conf.beat_schedule)
    found: dict[str, Schedule | None] = {}
    for name, entry in entries.items():
        try:
            found[name] = read(name, entry)
        except Exception as error:
            # Whatever it is, the other entries are not to blame.
            logger.error("the entry %r of the code is left out: %s", name, error)
            found[name] = None
    return found


def read(name: str, entry: Mapping[str, Any]) -> Schedule:
    """Return the schedule of an entry.

    Raises:
        BadSchedule: It cannot run, or says what a schedule cannot keep.
    """
    options = dict(entry.get("options") or {})
    if unknown := (options.keys() - OPTIONS) | (entry.keys() - {"task", "schedule", "args", "kwargs", "options"}):
        message = f"{', '.join(sorted(unknown))}: a schedule has no such option"
        raise BadSchedule(message)
    try:
        kwargs = _by_name(entry["task"], entry.get("args") or (), entry.get("kwargs") or {})
        found = parse({"task": entry["task"], "when": _when(entry["schedule"]), "kwargs": kwargs, **options})
    except KeyError as error:
        message = f"{error.args[0]} is missing"
        raise BadSchedule(message) from None
    check(name, found)
    return found


def _by_name(task_name: str, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Name the arguments that are given by their place, for that is how a job has them."""
    try:
        names = list(inspect.signature(registered(task_name).run).parameters)
    except UnknownTask:
        names = []
    else:
        if len(args) > len(names):
            message = f"{task_name}: it takes {len(names)} arguments, not {len(args)}"
            raise BadSchedule(message)
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _when(found: Any) -> dict[str, Any]:
    kept: Any = found
    if isinstance(found, crontab):
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return {"crontab": " ".join(_as_written(getattr(kept, f"_orig_{field}")) for field in fields)}
    if isinstance(found, schedule):
        return {"every": kept.run_every.total_seconds()}
    if isinstance(found, timedelta):
        return {"every": found.total_seconds()}
    if isinstance(found, BaseSchedule):
        message = f"schedule: a {type(found).__name__} cannot be kept, only a crontab and an interval"
        raise BadSchedule(message)
    return {"every": found}


def _as_written(field: Any) -> str:
    return str(field) if isinstance(field, str | int) else ",".join(map(str, sorted(field)))
