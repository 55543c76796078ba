"""The scheduler: Celery's own, with a heartbeat, and without entries that cannot run."""

import inspect
import logging
import operator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from celery.beat import PersistentScheduler
from celery.schedules import BaseSchedule, crontab
from celery.utils.time import ffwd, maybe_make_aware

from app.core import heartbeat
from app.core.beat_process import whole
from app.jobs.registry import UnknownTask, registered

logger = logging.getLogger(__name__)

# A clock that is set right while it runs is set back by less.
TOLERANCE = timedelta(seconds=5)


def _remaining_estimate(self: Any, last_run_at: datetime, ffwd: type = ffwd) -> timedelta:
    """Return how long a crontab waits; one of every hour goes on while the clock shows an hour again.

    Celery's own leaves that hour out, and what ran in it is due again at once, until it is over.
    https://github.com/celery/celery/issues/6438
    """
    last, step, now = self.remaining_delta(last_run_at, ffwd=ffwd)
    due = (last + step).replace(fold=last.fold).astimezone(UTC)
    # As if the clock were not changed from now on.
    steady = last.replace(tzinfo=timezone(last.utcoffset())) + step
    shown = steady.astimezone(last.tzinfo)
    fields = (self.month_of_year, self.day_of_month, self.day_of_week, self.minute)
    times = (shown.month, shown.day, shown.isoweekday() % 7, shown.minute)
    if len(self.hour) == 24 and all(map(operator.contains, fields, times)):
        due = min(due, steady.astimezone(UTC))
    return due - now  # type: ignore[no-any-return]


crontab.remaining_estimate = _remaining_estimate  # type: ignore[method-assign]


class HeartbeatScheduler(PersistentScheduler):
    """Celery's scheduler, which keeps the time of the last runs in a file."""

    @whole()
    def setup_schedule(self) -> None:
        """Open the file."""
        super().setup_schedule()

    @whole()
    def sync(self) -> None:
        """Write the file."""
        super().sync()

    @whole()
    def close(self) -> None:
        """Close the file."""
        super().close()

    def merge_inplace(self, b: dict[str, Any]) -> None:
        """Take over the entries of the code; one that cannot run is left out and does not keep the others from it."""
        problems = {name: self._problem_with(name, entry) for name, entry in b.items()}
        for name, problem in problems.items():
            if problem:
                logger.error("the entry %r is left out: %s", name, problem)
        super().merge_inplace({name: entry for name, entry in b.items() if not problems[name]})

    def _problem_with(self, name: str, entry: Any) -> str | None:
        try:
            found = self.Entry(**entry, name=name, app=self.app)
            if not isinstance(found.schedule, BaseSchedule):
                return "it has no schedule"
            inspect.signature(registered(str(found.task)).run).bind(*(found.args or ()), **(found.kwargs or {}))
        except UnknownTask as error:
            return f"no task is registered as {error.args[0]!r}"
        except Exception as error:
            # Whatever it is, the other entries are not to blame.
            return f"{type(error).__name__}: {error}"
        return None

    @whole()
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due, and say that the scheduler still does so."""
        self._disbelieve()
        delay: float = super().tick(*args, **kwargs)
        heartbeat.touch()
        return delay

    def _disbelieve(self) -> None:
        """Count from now where the last run lies ahead: the clock was set back, and nothing would run until then."""
        now = self.app.now()
        latest = now.astimezone(UTC) + TOLERANCE  # within a zone, times compare by what its clock shows
        last_runs = [(entry, entry.last_run_at) for entry in self.schedule.values() if entry.last_run_at]
        ahead = [(entry, time) for entry, time in last_runs if maybe_make_aware(time).astimezone(UTC) > latest]
        for entry, time in ahead:
            logger.warning("%r last ran at %s, which the clock has not reached: it counts from now", entry.name, time)
            entry.last_run_at = now
        if ahead:
            self.populate_heap()
