"""The class of every task: retries, `async def` bodies, and the mark that tells a waiting task from an unknown one."""

import asyncio
import functools
import inspect
import os
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, ClassVar

from celery import Task, current_task
from celery.app.task import Context
from celery.exceptions import Retry
from celery.result import AsyncResult
from celery.utils import uuid

from app.jobs import states

CANCEL_GRACE = 5.0  # seconds that a cancelled coroutine gets to clean up
SHORTEST_DELAY = 1.0  # seconds before a retry


class EventLoop:
    """One event loop for each process, in a thread of its own, started when the first `async def` task runs.

    A loop for each call (`asyncio.run`) would break every pooled connection of the call before.
    """

    def __init__(self) -> None:
        """Start nothing: a thread does not survive the fork of a worker's processes."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def get(self) -> asyncio.AbstractEventLoop:
        """Return this process's running loop."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=self._loop.run_forever, name="tasks", daemon=True).start()
            return self._loop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end; a time limit that strikes meanwhile cancels it."""
        ended = threading.Event()

        async def until_the_end() -> Any:
            try:
                return await coroutine
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(until_the_end(), self.get())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            ended.wait(CANCEL_GRACE)
            raise


event_loop = EventLoop()
_request: ContextVar[Context | None] = ContextVar("task_request", default=None)


def running_request() -> Context | None:
    """Return the message whose task this code belongs to, in a thread of Celery's or in the event loop's."""
    return _request.get() or (current_task.request if current_task else None)


class BaseTask(Task[Any, Any]):
    """What `@celery_app.task` makes.

    Attributes:
        public: `POST /tasks/{task_name}` may enqueue it.
        max_retries: Tries after the first one, also after the death of the process that ran it.
        default_retry_delay: Seconds before a retry that names no other delay.
        retry_backoff: With `autoretry_for`, double the delay (from this many seconds) at each retry.
        retry_backoff_max: The longest delay, in seconds.
        retry_jitter: Draw each delay at random below its bound, so that many tasks do not come back at once.
    """

    public: ClassVar[bool] = False
    max_retries = 3
    default_retry_delay = 5
    retry_backoff: ClassVar[int] = 1
    retry_backoff_max: ClassVar[int] = 600
    retry_jitter: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Bridge an `async def` body before Celery wraps it for `autoretry_for`, which must see its exception."""
        super().__init_subclass__(**kwargs)
        body = cls.__dict__.get("run")
        function = body.__func__ if isinstance(body, staticmethod) else body
        if inspect.iscoroutinefunction(function):
            bridged = _bridge(function)
            cls.run = staticmethod(bridged) if isinstance(body, staticmethod) else bridged  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body with the request where the event loop's thread can see it."""
        token = _request.set(super().request)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            _request.reset(token)

    @property
    def request(self) -> Context:
        """The message that this run is for.

        Celery keeps it in a stack for each thread, and the body of an `async def` task runs in the event loop's.
        """
        return _request.get() or super().request

    def retry(self, *args: Any, **options: Any) -> Retry:
        """Try again later, `SHORTEST_DELAY` from now at the earliest.

        Celery sends the message of the next try before it stores the state `RETRY`. A try that begins at once can end
        in between, and its result would be overwritten for good.
        """
        if options.get("countdown") is not None:
            options["countdown"] = max(SHORTEST_DELAY, options["countdown"])
        return super().retry(*args, **options)

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        *rest: Any,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Send the task, with a mark in the result backend that it is queued.

        Celery answers `PENDING` for a waiting task and for an id that never was. The mark is written first, for a fast
        worker would otherwise be overwritten by it, and taken back if the broker refuses the message.
        """
        task_id = task_id or uuid()
        marked = states.mark_queued(self, task_id, options)
        try:
            return super().apply_async(args, kwargs, task_id, *rest, **options)
        except BaseException:
            if marked:
                states.forget(self, task_id)
            raise


def _bridge(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return event_loop.run(function(*args, **kwargs))

    return run
