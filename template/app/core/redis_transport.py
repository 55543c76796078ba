"""Kombu's transport for Redis, with what a queue of messages that must not be lost needs beside it.

It builds on parts of kombu that are not public: try restarts of Redis before you let in a new minor version of kombu.
"""

import logging
import time
import uuid
from functools import cached_property
from queue import Empty
from typing import Any, ClassVar

from celery.worker import state
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.json import dumps

from app.core import envelope
from app.core.redis_connections import following
from app.core.redis_scripts import PUT, TAKE
from app.core.redis_unacked import QoS
from app.core.services import lost_connection

logger = logging.getLogger(__name__)


class Channel(redis.Channel):
    """Kombu's channel, on which a higher priority is served first and no message stops a worker."""

    QoS = QoS
    dead_letters: ClassVar[str]
    connection_errors: Any
    _expires: Any
    _flush_brpop_reauth: Any
    _q_for_pri: Any
    _queue_cycle: Any

    waits = False
    """Whether every queue was empty, and the bell is waited for."""
    asked_for: str | None = None
    """The tag of a message that may be on its way."""
    noted: str | None = None
    """The tag of the message that was taken last."""
    _asked_kombu = False

    @cached_property
    def unacknowledged(self) -> set[str]:
        """The queues whose messages nobody acknowledges."""
        return set()

    @property
    def kombu_takes(self) -> bool:
        """Whether messages are taken by kombu's BRPOP, which does so before anybody has noted that they are out."""
        return not self.unacknowledged.isdisjoint(self.active_queues)

    @property
    def do_restore(self) -> bool:  # type: ignore[override]
        """Give back what is not acknowledged when the worker stops, but not when it has lost its connection.

        Then the tasks go on, and what has not begun is given back later: see `app.jobs.worker`.
        """
        return any(flag is not None and flag is not False for flag in (state.should_stop, state.should_terminate))

    def _connparams(self, asynchronous: bool = False) -> Any:
        # A task that goes on after the connection was lost is acknowledged on its old channel, where kombu has
        # forgotten the address.
        if self.connection is not None and self.connection.client is not None:
            self.address = super()._connparams(asynchronous)  # type: ignore[misc]
            self.address["connection_class"] = following(self.address["connection_class"])
            if self.address.get("ssl_check_hostname") == "false":
                self.address["ssl_check_hostname"] = False  # which kombu takes from an address as text
        return dict(self.address)

    def _get_message_priority(self, message: dict[str, Any], reverse: bool = False) -> int:
        return super()._get_message_priority(message, reverse=not reverse)

    def _do_restore_message(self, *args: Any, **_: Any) -> None:
        # A message that is given back comes first again. Kombu would put one that is rejected behind all others.
        super()._do_restore_message(*args[:4])  # type: ignore[misc]

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        if options.get("_publish_batch") is not None or (self._expires and queue in self._expires):
            super()._put(queue, message, **options)
            return
        place = self._q_for_pri(queue, self._get_message_priority(message))
        with self.conn_or_acquire() as client:
            client.eval(PUT, 2, place, _bell(queue), dumps(message))

    def basic_consume(self, queue: str, no_ack: bool, *arguments: Any, **options: Any) -> Any:
        """Remember which queues nobody acknowledges, as the answers to remote control."""
        (self.unacknowledged.add if no_ack else self.unacknowledged.discard)(queue)
        return super().basic_consume(queue, no_ack, *arguments, **options)

    def places(self, queue: str) -> list[str]:
        """Return the lists that a queue consists of, one for each priority, in the order in which they are served."""
        return [self._q_for_pri(queue, step) for step in self.priority_steps]

    def _take(self, queues: list[str]) -> tuple[list[Any], str]:
        tag = str(uuid.uuid4())
        places = {self._q_for_pri(queue, step): queue for step in self.priority_steps for queue in queues}
        keys = [self.unacked_key, self.unacked_index_key, *places]
        return ["EVAL", TAKE, len(keys), *keys, tag, *places.values()], tag

    def _brpop_start(self, timeout: float | None = None) -> None:
        self._asked_kombu = self.kombu_takes
        if self._asked_kombu:
            super()._brpop_start(timeout)  # type: ignore[misc]
            return
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        command: list[Any] = ["BRPOP", *map(_bell, queues), self.brpop_timeout]
        self.asked_for = None
        if not self.waits:
            command, self.asked_for = self._take(queues)
        self._in_poll = self.client.connection
        self._brpop_sent_at = time.monotonic()
        self.client.connection.send_command(*command)

    def _brpop_read(self, **options: Any) -> Any:
        if self._asked_kombu:
            return super()._brpop_read(**options)  # type: ignore[misc]
        waited, self.waits = self.waits, False
        try:
            answer = self._answer("BRPOP" if waited else "EVAL", options)
            if waited:
                raise Empty
            tag, self.asked_for = self.asked_for, None
            if not answer or tag is None:
                self.waits = True
                raise Empty
            queue, self.noted = answer[0].decode(), tag
            self._queue_cycle.rotate(queue)
            self.connection._deliver(tagged(answer, tag), queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _answer(self, command: str, options: dict[str, Any]) -> Any:
        try:
            return self.client.parse_response(self.client.connection, command, **options)
        except self.connection_errors:
            # The next look connects anew.
            self.client.connection.disconnect()
            raise
        except self.ResponseError as error:
            # A server that has no memory left: it may be well again soon.
            logger.warning("no message can be taken: %s", error)
            return None

    def _receive_one(self, client: Any) -> Any:
        # What was sent to every worker at once and is not a message concerns nobody. It may not end one.
        try:
            return super()._receive_one(client)  # type: ignore[misc]
        except Empty:
            raise
        except lost_connection(self.connection_errors):
            raise
        except Exception:
            logger.exception("what was published is not a message")
            return None

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Return which queues are bound to an exchange; a row that names none keeps nobody from sending."""
        with self.conn_or_acquire() as client:
            rows = client.smembers(self.keyprefix_queue % exchange)
        found = [each.decode(errors="replace").split(self.sep) for each in rows]
        return [(row[0], row[1], row[2]) for row in found if len(row) == 3]

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)  # type: ignore[misc]
        client.set_response_callback("BRPOP", _in_an_envelope)
        return client


def _in_an_envelope(response: list[bytes] | None) -> list[bytes] | None:
    """Wrap whatever is not a kombu message in one. Otherwise the worker ends, and what it has just taken is lost."""
    if not response:
        return response
    place, item = response
    return response if envelope.is_one(item) else [place, envelope.around(item, _queue_at(place))]


def _bell(queue: str) -> str:
    """Return the list that tells workers of a message; nothing is lost when nobody hears of it."""
    return f"{queue}:bell"


def tagged(taken: list[bytes], tag: str) -> dict[str, Any]:
    """Return what was taken from a queue as a message with the tag that it is noted under."""
    queue, item = taken
    message = envelope.opened(item, queue.decode())
    message["properties"]["delivery_tag"] = tag
    return message


def _queue_at(place: bytes) -> str:
    """Return the queue of a list; each priority has one of its own."""
    return place.decode().partition(Channel.sep)[0]


class Transport(redis.Transport):
    """The transport behind `redis://` and `rediss://`."""

    Channel = Channel

    _avail_channels: list[Any]

    def establish_connection(self) -> Any:
        """Connect to a server that can be written to: a replica answers kombu's ping, too.

        Kombu then waits before it tries again.
        """
        connection = super().establish_connection()
        channel = self._avail_channels[-1]
        try:
            channel.client.delete(f"{Channel.dead_letters}:none")
        except self.connection_errors:
            self._avail_channels.remove(channel)
            channel.close()
            raise
        return connection


def register(dead_letters: str) -> None:
    """Let kombu use this transport.

    Args:
        dead_letters: The queue for what nobody can make a message of.
    """
    Channel.dead_letters = dead_letters
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
