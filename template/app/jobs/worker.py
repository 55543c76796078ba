"""The worker's part in the promise that no message is lost: what cannot be processed becomes a dead letter."""

import logging
import os
import signal
from collections.abc import Callable, Set
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

from celery import bootsteps, states
from celery.app.task import Context
from celery.exceptions import NotRegistered, TimeLimitExceeded, WorkerLostError
from celery.signals import worker_ready
from celery.worker import consumer, loops, request, state
from kombu import Message
from kombu.exceptions import ChannelError

from app.core import admission, broker, dead_letter
from app.core.admission import Refused
from app.core.celery import celery_app
from app.core.services import lost_connection, unavailable
from app.jobs import presence, routing, runs, tracking
from app.jobs.chores import Chores, beside, every
from app.jobs.states import FINAL
from app.jobs.tracking import PoisonMessage, SetAside

logger = logging.getLogger(__name__)

# Seconds for which a worker that gives messages back waits for the store where it notes that.
PATIENCE_TO_NOTE = 5.0


class GiveBack(bootsteps.StartStopStep):
    """Give back, over a new connection, what was fetched over the lost one and has not begun: Celery forgets it."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Do it when the worker consumes again."""
        channel = parent.task_consumer.channel
        broker.give_back(channel, parent.forgotten - broker.fetched(channel))
        parent.forgotten = set()

    def stop(self, parent: Any) -> None:
        """Note what a worker that stops gives back."""
        parent.note_what_has_not_begun()


celery_app.steps["consumer"].update((Chores, GiveBack))


@every(broker.CLAIM_INTERVAL)
def claim(consumer: Any) -> None:
    """Claim the messages that this worker has in hand, those of tasks that outlived their connection included."""
    channel = consumer.task_consumer.channel
    running = {request.message.delivery_tag for request in list(state.requests.values())}
    broker.claim(channel, broker.fetched(channel) | running)


class Consumer(consumer.Consumer):
    """Celery's consumer, which drops what it can make no task of, or ends at it; here it becomes a dead letter."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]
    task_consumer: Any
    hub: Any
    forgotten: Set[str] = frozenset()

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc, valid-type]
        """Celery's steps, without the one in which workers listen to each other, whom nobody here asks anything."""

        default_steps: ClassVar = [
            step for step in consumer.Consumer.Blueprint.default_steps if not step.endswith(":Gossip")
        ]

    @property
    def lost_connection(self) -> tuple[type[Exception], ...]:
        """Return what tells that the broker is gone."""
        return lost_connection(self.connection_errors + self.channel_errors)

    def connect(self) -> Any:
        """Connect, and declare every queue: Celery declares those that this worker consumes, and needs the others.

        They are bound for delayed delivery, and what is refused goes to the dead letters.
        """
        connection = super().connect()
        with self.app.connection_for_write() as own:
            for queue in (*broker.QUEUES, broker.DEAD_LETTER_QUEUE):
                queue(own.default_channel).declare()
        return connection

    def loop(self, *arguments: Any) -> None:
        """Run Celery's event loop; what nobody has foreseen costs the connection and not the worker."""
        try:
            (loops.asynloop if self.hub else loops.synloop)(*arguments)
        except self.lost_connection:
            raise
        except Exception as error:
            # Told to stop before it was ready, a worker has no pool any more.
            state.maybe_shutdown()
            logger.critical("the worker connects anew", exc_info=True)
            raise ConnectionError(repr(error)) from error

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Message], None]:
        """Return what is called with each message."""
        handle = super().create_task_handler(*arguments, **options)

        def on_task_received(message: Message) -> None:
            try:
                admission.check(message)
                if not dead_letter.is_noted_well(message):
                    raise Refused("has no history of its own")
                if not self.renew(message):
                    handle(message)
            except Refused as refused:
                self.refuse(message, refused)
            except self.lost_connection:
                raise
            except Exception as error:
                self.give_up(message, error)

        return on_task_received

    def renew(self, message: Message) -> bool:
        """Send a message anew that the broker would soon drop, and tell whether it was: workers have given it back.

        Since it was sent, that is. What they do not give back kills them before it begins.
        """
        if broker.deliveries(message) < broker.DELIVERY_LIMIT - 2:
            return False
        earlier: Any = message.headers.get("given_back", 0)
        given_back = runs.given_back(str(message.headers["id"]))
        if isinstance(earlier, int) and given_back <= earlier:
            return False
        broker.send_anew(message, given_back)
        message.ack()
        return True

    def cancel_active_requests(self) -> None:
        """Stop what runs, for the worker stops."""
        super().cancel_active_requests()
        note_what_was_given_back()

    def note_what_has_not_begun(self) -> None:
        """Note what is given back without having begun, before the broker takes it for what kills workers."""
        waiting = [request for request in list(state.reserved_requests) if request not in state.active_requests]
        worn = [each for each in waiting if broker.deliveries(each.message) >= broker.DELIVERY_LIMIT / 2]
        note([partial(runs.give_back, str(each.id), uuid4().hex) for each in worn])

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Note what was fetched and has not begun."""
        self.note_what_has_not_begun()
        if self.task_consumer is not None:
            begun = {request.message.delivery_tag for request in state.active_requests}
            self.forgotten = self.forgotten | (broker.fetched(self.task_consumer.channel) - begun)
        super().on_connection_error_after_connected(exc)
        note_what_was_given_back()

    def refuse(self, message: Message, refused: Refused) -> None:
        """Set aside a message that is not let in."""
        logger.critical("a message is set aside: it %s (%s)", refused.reason, message.content_type)
        if broker.set_aside(message):
            message.ack_log_error(logger, self.connection_errors)
        else:
            message.reject_log_error(logger, self.connection_errors)
        if refused.believed:
            tracking.lost(message.headers, refused)

    def give_up(self, message: Message, error: Exception) -> None:
        """Set aside a message with which something else went wrong; give it back when a service is down."""
        logger.critical("a message cannot be worked on", exc_info=error)
        if message.acknowledged:
            return
        requeue = isinstance(error, unavailable())
        if not requeue:
            broker.set_aside(message)
        message.reject_log_error(logger, self.connection_errors, requeue=requeue)

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Set aside a message that could not be unpacked; drop a command like that, which nobody can send again."""
        if self.task_consumer is None or message.channel is not self.task_consumer.channel:
            logger.error("a command cannot be decoded: %s", exc)
            return
        try:
            admission.check(message)
        except Refused as refused:
            self.refuse(message, refused)
        else:
            self.give_up(message, exc)

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Set aside a message whose task this worker does not know."""
        broker.set_aside(message)
        super().on_unknown_task(body, message, exc)
        tracking.lost(message.headers, NotRegistered(message.headers["task"]))

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Set aside a message whose task cannot be called like that."""
        broker.set_aside(message)
        super().on_invalid_task(body, message, exc)
        tracking.lost(message.headers, exc)


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


def note_what_was_given_back() -> None:
    """Note which tasks wait again. Several may have been stopped, and a store that is down is waited for once."""
    stopped = [Request.given_back.pop() for _ in range(len(Request.given_back))]
    note([partial(tracking.given_back, each.task, each.request_dict, each.hostname, uuid4().hex) for each in stopped])


def note(notes: list[Callable[[], None]]) -> None:
    """Make notes of what is given back, as far as the store answers in time."""

    def work() -> None:
        for each in notes:
            tracking.patiently(each, PATIENCE_TO_NOTE)

    if notes:
        beside(work, PATIENCE_TO_NOTE)


@worker_ready.connect
def report_queues(sender: Any, **_: Any) -> None:
    """Say at the start which tasks would wait for ever."""
    routing.report()
    own = {queue.alias for queue in sender.task_consumer.queues}
    others = [queue for queue in presence.unconsumed() if queue not in own]
    if others:
        logger.warning("no worker consumes %s: tasks that go there wait", ", ".join(others))
