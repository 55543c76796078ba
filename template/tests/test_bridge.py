"""Coroutines in the event loop of a worker's process, while the task's own thread waits."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextvars import ContextVar
from typing import Any

import pytest

from app.tasks.bridge import event_loop

variable: ContextVar[str] = ContextVar("variable", default="unset")


async def answer(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Strike after a tenth of a second, as a soft time limit does."""

    def strike(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_what_a_coroutine_returns_and_raises_comes_back() -> None:
    async def fail() -> None:
        message = "no"
        raise ValueError(message)

    assert event_loop.run(answer(1)) == 1
    with pytest.raises(ValueError, match="no"):
        event_loop.run(fail())


def test_a_coroutine_sees_the_context_of_its_task() -> None:
    async def look() -> str:
        return variable.get()

    token = variable.set("set")
    assert event_loop.run(look()) == "set"
    variable.reset(token)


@pytest.mark.usefixtures("time_limit")
def test_a_time_limit_cancels_the_coroutine_and_waits_until_it_has_cleaned_up() -> None:
    seen = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            seen.append("cleaned up")

    with pytest.raises(TimeoutError):
        event_loop.run(wait())

    assert seen == ["cleaned up"]


@pytest.mark.parametrize(("error", "raised"), [(SystemExit, SystemExit), (asyncio.CancelledError, CancelledError)])
def test_a_coroutine_that_wants_to_end_everything_ends_only_its_task(
    error: type[BaseException], raised: type[BaseException]
) -> None:
    async def leave() -> None:
        raise error

    with pytest.raises(raised):
        event_loop.run(leave())

    assert event_loop.run(answer(1)) == 1
