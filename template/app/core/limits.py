"""How often an organization may enqueue, and how long a request may be."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from fastapi import HTTPException
from limits import parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from app.core.config.settings import settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

THREADS = 8
LIMIT = 0.5  # seconds for the store to answer
PAUSE = 1.0  # seconds between two questions to a store that does not answer
# Seconds for a call that no socket holds up, such as the look-up of a name. Busy threads alone never take so long.
PATIENCE = 5.0


class Rate:
    """A rate that every organization has for itself."""

    def __init__(self, rate: str, url: str) -> None:
        """Connect to nothing yet.

        Args:
            rate: Such as `600/minute`.
            url: Where requests are counted.

        Raises:
            SystemExit: There is no such store, or its client is not installed.
        """
        self._rate = parse(rate)
        self._url = url
        try:
            storage = self._connect()
        except Exception:
            # Without the error's own message, which may show the password in the URL.
            message = "error: RATE_LIMIT_STORAGE_URL names a store that is unknown or whose client is not installed."
            raise SystemExit(message) from None
        # A socket in a thread measures how long the store takes. The event loop would measure how busy it is itself,
        # and take its own load for a store that is down.
        self.threads = None if isinstance(storage, MemoryStorage) else ThreadPoolExecutor(THREADS, "limits")
        self._recovery: asyncio.Task[None] | None = None

    def _connect(self) -> Any:
        """Begin with new connections: a server that has lost its place still answers on the old ones."""
        storage = storage_from_string(self._url, socket_connect_timeout=LIMIT, socket_timeout=LIMIT)
        # A window that slides: a fixed one would allow twice the rate around its end.
        self.limiter = SlidingWindowCounterRateLimiter(storage)
        return storage

    async def spend(self, organization_id: str) -> None:
        """Count one request.

        A store that is down or frozen costs one request half a second and refuses none: the limit keeps one
        organization from crowding out the others, and without it everybody is still served. It holds again as soon as
        the store answers.

        Raises:
            HTTPException: 429, with the seconds after which there is room again.
        """
        if self._down:
            return
        try:
            reset = await self._ask(partial(self._hit, organization_id))
        except Exception as error:
            # Whatever a driver raises, the answer is the same.
            self._recover(error)
            return
        if reset is not None:
            seconds = max(1, math.ceil(reset - time.time()))
            raise HTTPException(
                429,
                f"Your organization may enqueue {settings.limits.RATE_LIMIT}. Try again in {seconds} seconds.",
                headers={"Retry-After": str(seconds)},
            )

    @property
    def _down(self) -> bool:
        return self._recovery is not None and not self._recovery.done()

    def _hit(self, organization_id: str) -> float | None:
        """Count one request; return the time when there is room again if it is one too many."""
        # It may have waited for a thread that has found out.
        if self._down or self.limiter.hit(self._rate, settings.app.SLUG, organization_id):
            return None
        return self.limiter.get_window_stats(self._rate, settings.app.SLUG, organization_id).reset_time

    async def _ask(self, call: Callable[[], T]) -> T:
        if self.threads is None:
            return call()
        asked = self.threads.submit(call)
        answered = asyncio.wrap_future(asked)
        while not asked.done():
            # The time in which a call waits for a thread says nothing about the store, unless others have found out.
            running = asked.running()
            await asyncio.wait([answered], timeout=PATIENCE)
            if (running or self._down) and not asked.done():
                answered.cancel()
                raise TimeoutError
        return await answered

    def _recover(self, error: Exception) -> None:
        if not self._down:
            logger.warning("requests are not limited: %s: %s", type(error).__name__, error)
            self._recovery = asyncio.create_task(self._wait_for_the_store())

    async def _wait_for_the_store(self) -> None:
        while True:
            try:
                # As for an organization, and for none that there is: what reads may work where what writes does not.
                await self._ask(partial(self.limiter.hit, self._rate, settings.app.SLUG, ""))
            except Exception:
                await asyncio.sleep(PAUSE)
                self._connect()
            else:
                logger.warning("requests are limited again")
                return


rate = Rate(settings.limits.RATE_LIMIT, settings.limits.RATE_LIMIT_STORAGE_URL)
