"""The soft time limit strikes a task's body, and nothing before or after it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from billiard.pool import soft_timeout_sighandler
from celery.exceptions import SoftTimeLimitExceeded


class _Strike:
    """What the signal of the limit does in a process that runs tasks, one at a time."""

    in_body = False
    missed = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.in_body:
            self.in_body = False
            raise SoftTimeLimitExceeded
        self.missed = True


_strike = _Strike()


def expect() -> None:
    """Begin a run: its limit raises nothing while a store is waited for before or after the body."""
    _strike.missed = False
    # What the pool sets in its processes raises wherever they are.
    if signal.getsignal(signal.SIGUSR1) is soft_timeout_sighandler:
        signal.signal(signal.SIGUSR1, _strike)


@contextmanager
def strikes() -> Iterator[None]:
    """Let the limit strike in the block, at once when it is over already.

    Raises:
        SoftTimeLimitExceeded: The time is over.
    """
    # A body may run another task on the spot (`apply`).
    before, _strike.in_body = _strike.in_body, True
    try:
        if _strike.missed:
            raise SoftTimeLimitExceeded
        yield
    finally:
        _strike.in_body = before
