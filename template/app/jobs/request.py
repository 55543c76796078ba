"""What a worker does with one task: how its message ends, whatever becomes of the process that runs it."""

import logging
import os
import signal
from contextlib import suppress
from typing import Any, ClassVar

from celery import states
from celery.app.task import Context
from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.worker import request, state
from kombu.exceptions import ChannelError

from app.core import broker
from app.core.services import lost_connection, unavailable
from app.jobs import tracking
from app.jobs.states import FINAL
from app.jobs.tracking import PoisonMessage, SetAside

logger = logging.getLogger(__name__)


class Request(request.Request):
    """Celery's request, which acknowledges a task that killed its process; here it becomes a dead letter."""

    poisonous = False
    over = False
    given_back: ClassVar[list["Request"]] = []

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """Find out whether this was the last run of a message that kills."""
        # From another process, the exception comes wrapped together with its traceback.
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        task: Any = self.task
        # What a task has raised comes with `return_ok`; its process may be at work on another one.
        if isinstance(error, TimeLimitExceeded) and not return_ok:
            # Celery ends the process afterwards: until then, the task could still tell another end.
            process: Any = self.worker_pid
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            if self.is_stopped():
                return
        if isinstance(error, WorkerLostError | TimeLimitExceeded) and self.has_ended():
            self.over = True
            return
        again = task.retry_on_worker_lost and Context(self.request_dict).retries < (task.max_retries or 0)
        lost = isinstance(error, WorkerLostError | SystemExit | KeyboardInterrupt)
        # Celery acknowledges a task that ran out of time, whatever it does with other failures.
        late = isinstance(error, TimeLimitExceeded) and task.dead_letter
        self.poisonous = self.poisonous or late or isinstance(error, PoisonMessage | SetAside) or (lost and not again)
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Treat a hard time limit as the failure that it is."""
        task: Any = self.task
        # A hard limit is told as a failure first.
        if not soft and (self.over or self.is_stopped()):
            return
        self.poisonous = self.poisonous or (not soft and task.dead_letter)
        super().on_timeout(soft, timeout)

    def is_stopped(self) -> bool:
        """Tell whether the worker stops at once; then the task starts again elsewhere, for its message is given back.

        Celery would acknowledge it, and say nowhere that the task has ended.
        """
        if not state.should_terminate:
            return False
        state.task_ready(self)
        return True

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """Stop the task, because its worker stops or has lost its connection; its message is delivered again.

        Celery would say that it is tried again, after an error of its own.
        """
        super().cancel(pool, signal=signal, emit_retry=False)
        if self.time_start and not self.acknowledged:
            self.given_back.append(self)

    def has_ended(self) -> bool:
        """Tell whether the task had ended before its process was lost; if so, only its message is left to deal with.

        Celery would try again what has failed, and change why; what has succeeded needs no dead letter.
        """
        task: Any = self.task
        # Of a chord, the other tasks may still have to hear of it.
        if Context(self.request_dict).chord or (meta := self.end()) is None:
            return False
        tracking.ended(self.request_dict, meta)
        state.task_ready(self)
        self.poisonous = self.poisonous or (meta["status"] == states.FAILURE and task.dead_letter)
        self.acknowledge()
        return True

    def end(self) -> dict[str, Any] | None:
        """Return how the task has ended, by its result."""
        task: Any = self.task
        if self.ignore_result:
            return None
        try:
            meta: dict[str, Any] = task.backend.get_task_meta(self.id, cache=False)
        except unavailable():
            return None
        return meta if meta["status"] in FINAL else None

    def acknowledge(self) -> None:
        """Acknowledge the message, unless it has to be kept."""
        if self.poisonous:
            self.reject(requeue=False)
        else:
            super().acknowledge()

    def reject(self, requeue: bool = False) -> None:
        """Give the message back, or up; without its connection it comes again, and is given up then."""
        lost: tuple[type[Exception], ...] = (*lost_connection(self.connection_errors), ChannelError)
        if not requeue and not self.acknowledged:
            try:
                broker.set_aside(self.message)
            except lost as error:
                logger.warning("%s is not set aside yet: %s", self.humaninfo(), error)
                return
        super().reject(requeue)
