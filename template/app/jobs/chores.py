"""What a worker does beside its tasks, again and again: whoever needs it registers a function with `every`."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import bootsteps

logger = logging.getLogger(__name__)

Chore = Callable[[Any], float | None]

CHORES: list[tuple[float, Chore]] = []

# A process that is forked while another thread holds a driver's lock would wait for it for ever. So a fork waits for
# the chore that is being done, though not longer than for a service that does not answer.
_working = threading.RLock()


def _wait_for_chore() -> None:
    _working.acquire(timeout=10)


def _go_on() -> None:
    with suppress(RuntimeError):
        _working.release()


os.register_at_fork(before=_wait_for_chore, after_in_parent=_go_on, after_in_child=_go_on)


def every(seconds: float) -> Callable[[Chore], Chore]:
    """Register a function that a worker calls with its `Consumer`, at this interval.

    One that returns a number of seconds is called again after these.
    """

    def register(chore: Chore) -> Chore:
        CHORES.append((seconds, chore))
        return chore

    return register


def beside(call: Callable[[], object], seconds: float) -> None:
    """Make a call in a thread, between the chores, and wait for it so long at most: a service may not answer."""

    def work() -> None:
        try:
            with _working:
                call()
        except Exception as error:
            logger.warning("%s: %s", type(error).__name__, error)

    thread = threading.Thread(target=work, name="beside", daemon=True)
    thread.start()
    thread.join(seconds)


class Chores(bootsteps.StartStopStep):
    """A thread in the worker's main process, while it is connected to the broker and its own loop runs."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    SHORTEST = 1.0  # seconds between two looks at what is due
    STUCK = 15.0  # seconds without a turn of the loop

    def start(self, parent: Any) -> None:
        """Begin when the worker has its connection and its queues."""
        self.stopped = threading.Event()
        self.turned = time.monotonic()
        self.timer = parent.timer.call_repeatedly(self.SHORTEST, self._turn)
        threading.Thread(target=self._run, args=(parent, self.stopped), name="chores", daemon=True).start()

    def stop(self, parent: Any) -> None:
        """End when the connection is lost or the worker stops."""
        self.timer.cancel()
        self.stopped.set()

    def _turn(self) -> None:
        self.turned = time.monotonic()

    def _run(self, consumer: Any, stopped: threading.Event) -> None:
        due = dict.fromkeys(range(len(CHORES)), 0.0)
        while not stopped.is_set():
            turning = time.monotonic() - self.turned < self.STUCK
            for number, (seconds, chore) in enumerate(CHORES):
                if turning and time.monotonic() >= due[number]:
                    due[number] = time.monotonic() + seconds
                    again = self._do(chore, consumer)
                    if again is not None:
                        due[number] = time.monotonic() + again
            soonest = min(due.values(), default=0.0) - time.monotonic() if turning else self.SHORTEST
            stopped.wait(min(max(soonest, 0.0), self.SHORTEST))

    def _do(self, chore: Chore, consumer: Any) -> float | None:
        try:
            with _working:
                return chore(consumer)
        except Exception as error:
            logger.warning("%s: %s: %s; it is tried again", chore.__name__, type(error).__name__, error)
            return None
