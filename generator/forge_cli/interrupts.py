"""Ctrl-C and the signals that mean the same."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | signal.Handlers

# A closed terminal sends SIGHUP, which Windows does not have.
STOP_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


def treat_all_as_ctrl_c() -> None:
    """Let every signal that asks the process to stop do what Ctrl-C does, so that each leaves nothing behind."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:  # and not ignored, as under nohup
            signal.signal(number, _press_ctrl_c)


def _press_ctrl_c(number: int, frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell does for a job in the background
        signal.default_int_handler(number, frame)
    signal.raise_signal(signal.SIGINT)  # and no exception from here, which a prompt could not clean up after


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish what must not be done by halves, however often Ctrl-C is pressed."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def postponed() -> Iterator[None]:
    """Heed a Ctrl-C when this is over: other programs must not go on after us, nor imports end half-way."""
    pressed: list[int] = []
    try:
        with _handled(lambda number, _frame: pressed.append(number)):
            yield
    finally:
        if pressed:  # whatever else went wrong: a terminal sends Ctrl-C to the other program too
            raise KeyboardInterrupt


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    kept = [(number, signal.signal(number, handler)) for number in heeded]
    try:
        yield
    finally:
        for number, previous in kept:
            signal.signal(number, previous)
