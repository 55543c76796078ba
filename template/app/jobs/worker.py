"""The worker's part in the promise that no message is lost: what cannot be processed becomes a dead letter."""

import logging
from collections.abc import Callable, Set
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

from celery import bootsteps
from celery.exceptions import NotRegistered
from celery.signals import worker_ready
from celery.worker import consumer, loops, state
from kombu import Message

from app.core import admission, broker, dead_letter
from app.core.admission import Refused
from app.core.celery import celery_app
from app.core.services import lost_connection, unavailable
from app.jobs import presence, routing, runs, tracking
from app.jobs.chores import Chores, beside, every
from app.jobs.request import Request

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
            # A worker that was told to stop before it was ready no longer has a pool.
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
