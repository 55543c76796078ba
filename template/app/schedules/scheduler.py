"""The scheduler: `celery -A app.core.celery beat`, once or several times.

None of them leads. Each looks at the store every second and sends what is due; jobs with the same id go out once. What
is due is for the store's clock to say, the only one that they share.
"""

import logging
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import Scheduler

from app.core import broker, heartbeat, results
from app.core.beat_process import whole
from app.core.services import unavailable
from app.jobs.job import BeingSent
from app.schedules import code, runs
from app.schedules.entry import TOLERANCE, Entry, read
from app.schedules.store import Found, store
from app.schedules.sync import synchronise

logger = logging.getLogger(__name__)

PACE = 1.0  # seconds between two looks at the store, at most
STALE = 2.0  # seconds after which what was read is read again before more is sent


class StoredScheduler(Scheduler):
    """Celery's scheduler with schedules from the store. Nothing that goes wrong ends it."""

    def setup_schedule(self) -> None:
        """Begin with nothing: the store may be away."""
        # With a broker that hangs, one schedule would hold up all others.
        self.app.conf.update({**broker.FAIL_FAST, **results.FAIL_FAST})
        self.code = code.schedules(self.app)
        self.synchronised = False
        self.entries: dict[str, Entry] = {}
        self.told: dict[str | None, str] = {}
        self.disbelieved: set[str] = set()
        self.difference = timedelta(0)

    @whole()
    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due, and say that the scheduler still does so; return the seconds until the next look."""
        try:
            pause = self._look()
            if self.told.pop(None, None):
                logger.warning("the schedules go on")
        except Exception as error:
            pause = PACE
            self._tell(None, f"the schedules wait: {type(error).__name__}: {error}")
        heartbeat.touch()
        return pause

    def _look(self) -> float:
        if not self.synchronised:
            synchronise(self.code)
            self.synchronised = True
        asked = time.monotonic()
        found = store.read()
        answered = time.monotonic()
        self._compare(found.now, timedelta(seconds=answered - asked))
        self._read(found)
        waiting = [entry for entry in self.entries.values() if entry.due]
        # In another order each time: what one meets may hold up those behind it, and two schedulers that begin with the
        # same one get in each other's way.
        random.shuffle(waiting)
        pauses = [PACE]
        for entry in waiting:
            due, passed = self._send(entry, found.now), time.monotonic() - answered
            if passed > STALE:
                # Somebody may have disabled the rest meanwhile.
                return 0.0
            if due:
                pauses.append((due - found.now).total_seconds() - passed)
        return max(0.0, min(pauses))

    def _compare(self, now: datetime, waited: timedelta) -> None:
        """Say when this machine's clock and the store's begin to differ, and when they agree again."""
        difference = datetime.now(UTC) - now
        if abs(difference - self.difference) <= TOLERANCE + waited:
            return
        self.difference = difference if abs(difference) > TOLERANCE + waited else timedelta(0)
        if self.difference:
            seconds, where = abs(difference.total_seconds()), "ahead of" if difference > timedelta(0) else "behind"
            logger.warning("this machine's clock is %.0f s %s the store's, and the store's counts", seconds, where)
        else:
            logger.warning("this machine's clock agrees with the store's again")
        self.disbelieved.clear()

    def _read(self, found: Found) -> None:
        """Read what has changed, and say which schedules are set aside or hold what cannot be true."""
        known, self.entries = self.entries, {}
        for name, stored in found.schedules.items():
            entry = known.get(name)
            self.entries[name] = read(name, stored, found.now, entry)
            if self.entries[name].ahead and name not in self.disbelieved:
                self.disbelieved.add(name)
                told = "%r has noted %s, which the store's clock has not reached: it is not believed"
                logger.warning(told, name, self.entries[name].noted_until)
            if problem := self.entries[name].problem:
                self._tell(name, f"the schedule {name!r} is set aside: {problem}")
            elif entry and entry.problem:
                self.told.pop(name, None)
                logger.info("the schedule %r runs again", name)

    def _send(self, entry: Entry, now: datetime) -> datetime | None:
        """Send what is due of one schedule; return when to look at it again, if that is known."""
        try:
            for task_id in runs.send_due(entry, now):
                logger.info("%s is due: %s", entry.name, task_id)
            self.told.pop(entry.name, None)
        except BeingSent:
            return None
        except unavailable():
            # The others would meet the same.
            raise
        except Exception as error:
            self._tell(entry.name, f"the schedule {entry.name!r} cannot run: {type(error).__name__}: {error}")
            return None
        return entry.due

    def _tell(self, name: str | None, message: str) -> None:
        """Say what is wrong, once as long as it is the same."""
        if self.told.get(name) != message:
            self.told[name] = message
            logger.error("%s", message)

    @property
    def info(self) -> str:
        """What Celery shows at the start."""
        return "    . schedules -> in the store"
