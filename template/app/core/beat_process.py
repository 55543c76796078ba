"""The process of the scheduler, which stops between two things that it does and not in the middle of one.

Celery's own closes the schedule in the handler of the signal, wherever the process is at that moment.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from celery.apps import beat

GRACE = 5.0  # seconds that what is being done may still take: a broker may not answer


class _Stop:
    told = False
    ended = False
    depth = 0


def _signalled(number: int, _frame: object) -> None:
    _Stop.told = True
    # Once is enough. And at its very end, Python would give a second signal back to the system, which ends the process.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0 if number == signal.SIGALRM else GRACE)
    if number == signal.SIGALRM or not _Stop.depth:
        _Stop.ended = True
        raise SystemExit


@contextmanager
def whole() -> Iterator[None]:
    """Do what is in the block before the process stops; also the function that this decorates.

    Raises:
        SystemExit: The process was told to stop meanwhile.
    """
    _Stop.depth += 1
    try:
        yield
    finally:
        _Stop.depth -= 1
    if _Stop.told and not _Stop.ended and not _Stop.depth:
        _Stop.ended = True
        raise SystemExit


class Beat(beat.Beat):
    """Celery's process, with signals of our own."""

    def install_sync_handler(self, service: object) -> None:
        """Let a signal end the process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, _signalled)
