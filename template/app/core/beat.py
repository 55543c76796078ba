"""The scheduler: Celery's own, with a heartbeat, and without entries that cannot run."""

import inspect
import logging
from typing import Any

from celery.beat import PersistentScheduler

from app.core import heartbeat
from app.jobs.registry import UnknownTask, registered

logger = logging.getLogger(__name__)


class HeartbeatScheduler(PersistentScheduler):
    """Celery's scheduler, which keeps the time of the last runs in a file."""

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
            inspect.signature(registered(str(found.task)).run).bind(*(found.args or ()), **(found.kwargs or {}))
        except UnknownTask as error:
            return f"no task is registered as {error.args[0]!r}"
        except Exception as error:
            # Whatever it is, the other entries are not to blame.
            return f"{type(error).__name__}: {error}"
        return None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due, and say that the scheduler still does so."""
        delay: float = super().tick(*args, **kwargs)
        heartbeat.touch()
        return delay
