"""The class of every task: retries, progress, time limits, and `async def` bodies."""

import inspect
from typing import Any, ClassVar

from billiard import common
from celery import Signature, Task
from celery.app.task import Context
from celery.exceptions import Retry, SoftTimeLimitExceeded, TaskPredicate, WorkerShutdown, WorkerTerminate

from app.core import context, results
from app.core.config.settings import settings
from app.core.outcome import lasting, plain, result_of, storable
from app.jobs import tracking
from app.jobs.arguments import from_json, typed
from app.jobs.states import PROGRESS
from app.tasks import soft_limit
from app.tasks.bridge import bridge

SHORTEST_DELAY = 1.0  # seconds before a retry
LARGEST_RESULT = min(settings.limits.MAX_RESULT_BYTES, results.LARGEST)


class BaseTask(Task[Any, Any]):
    """What `@celery_app.task` makes.

    Attributes:
        public: `POST /tasks/{task_name}` may send it.
        dead_letter: A final failure is kept in the dead-letter queue, from which it can be sent again.
        max_retries: Tries after the first one, also after the death of the process that ran it.
        default_retry_delay: Seconds before a retry that names no other delay.
        retry_backoff: With `autoretry_for`, double the delay (from this many seconds) at each retry.
        retry_backoff_max: The longest delay, in seconds.
        retry_jitter: Draw each delay at random below its bound, so that many tasks do not come back at once.
        track_started: Celery's own, which is off: `app.jobs.tracking` says that a task has started once it may.
    """

    Request = "app.jobs.request:Request"

    # Celery's own: whether a task that has failed is acknowledged, and with it forgotten by the broker.
    acks_on_failure: ClassVar[bool | None] = None
    public: ClassVar[bool] = False
    dead_letter: ClassVar[bool] = False
    max_retries = 3
    default_retry_delay = 5
    retry_backoff: ClassVar[int] = 1
    retry_backoff_max: ClassVar[int] = 600
    retry_jitter: ClassVar[bool] = True
    track_started = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Bridge an `async def` body before Celery wraps it for `autoretry_for`, which must see its exception."""
        super().__init_subclass__(**kwargs)
        if cls.dead_letter:
            # The message of a final failure is rejected, which is how it reaches the dead-letter queue.
            cls.acks_on_failure = False
        if cls.__dict__.get("time_limit") and not cls.__dict__.get("soft_time_limit"):
            # Celery refuses to send a task whose soft limit, then the one of the settings, comes after its hard one.
            cls.soft_time_limit = 0.9 * cls.__dict__["time_limit"]
        body = cls.__dict__.get("run")
        function = body.__func__ if isinstance(body, staticmethod) else body
        if inspect.iscoroutinefunction(function):
            bridged = bridge(function)
            cls.run = staticmethod(bridged) if isinstance(body, staticmethod) else bridged  # type: ignore[method-assign]

    def before_start(self, task_id: str, args: Any, kwargs: dict[str, Any]) -> None:
        """Refuse what must not run; the body is not called then."""
        soft_limit.expect()
        tracking.before_start(self, self.request, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body, with the message where the event loop's thread can see it."""
        request = super().request
        if request.id is None:
            # Called as a function, perhaps from another task, whose message stays the one that counts.
            return super().__call__(*args, **kwargs)
        token = context.message.set(request)
        try:
            with soft_limit.strikes():
                if request.get("job"):
                    kwargs = from_json(self, kwargs)
                else:
                    args, kwargs = typed(self, args, kwargs)
                return self._kept(super().__call__(*args, **kwargs))
        except SoftTimeLimitExceeded:
            limit = (request.timelimit or [None, None])[1] or self.soft_time_limit
            message = f"The task took longer than its soft time limit of {limit} seconds."
            raise SoftTimeLimitExceeded(message) from None
        except (TaskPredicate, WorkerShutdown, WorkerTerminate):
            raise
        except BaseException as error:
            process: Any = common
            if process.terminate_handler_fired():
                raise  # the worker stops it
            if (known := lasting(error)) is error:
                raise
            raise known from error
        finally:
            context.message.reset(token)

    def _kept(self, value: Any) -> Any:
        """Return a result as it is kept and passed on, if it is."""
        request = self.request
        passed_on = request.callbacks or request.chain or request.chord
        if request.is_eager or (request.ignore_result and not passed_on):
            return value
        return result_of(value, LARGEST_RESULT)

    @property
    def request(self) -> Context:
        """The message that this run is for, in Celery's threads and in the event loop's."""
        own = super().request
        return own if own.id else context.message.get() or own

    @property
    def organization_id(self) -> str | None:
        """Whom this run is for."""
        return context.organization_id()

    @property
    def request_id(self) -> str | None:
        """The HTTP request that this run goes back to."""
        return context.request_id()

    def progress(self, current: float, total: float, message: str = "") -> None:
        """Tell whoever asks how far this run has come.

        Args:
            current: What is done.
            total: What there is to do.
            message: What is being done now.
        """
        if self.request.id and not self.request.is_eager:
            meta = {"current": current, "total": total, "message": storable(message)}
            self.update_state(state=PROGRESS, meta=meta)

    def update_state(
        self, task_id: str | None = None, state: str | None = None, meta: Any = None, **kwargs: Any
    ) -> None:
        """Store a state of the task's own, with whatever pydantic can serialise.

        Raises:
            NotSerializable: The message names the value that cannot be stored.
        """
        super().update_state(task_id=task_id, state=state, meta=plain(meta, "meta"), **kwargs)

    def replace(self, sig: Signature[Any]) -> Any:
        """Go on as another task or as several, none of which begins once this job was cancelled."""
        with context.part_of(self.request):
            return super().replace(sig)

    def retry(self, *args: Any, **options: Any) -> Retry:
        """Try again later, `SHORTEST_DELAY` from now at the earliest.

        Celery sends the message of the next try before it stores the state `RETRY`. A try that begins at once can end
        in between, and its result would be overwritten for good.
        """
        if options.get("countdown") is not None:
            options["countdown"] = max(SHORTEST_DELAY, options["countdown"])
        try:
            again = super().retry(*args, **options)
        except Retry as raised:
            raise self._with_its_reason(raised, options) from None
        return self._with_its_reason(again, options)

    def _with_its_reason(self, again: Retry, options: dict[str, Any]) -> Retry:
        """Return what tells the worker to try again with the error under its own name."""
        if isinstance(reason := options.get("exc"), BaseException):
            again.exc = lasting(reason)
        return again
