"""Kombu's transport for Redis, with what a queue of messages that must not be lost needs beside it.

It builds on parts of kombu that are not public: try restarts of Redis before you let in a new minor version of kombu.
"""

import logging
import time
from collections.abc import Set
from functools import cached_property
from queue import Empty
from typing import Any

from celery.worker import state
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.json import dumps, loads

from app.core import envelope

logger = logging.getLogger(__name__)

# Messages that Redis has handed out and could not note as handed out, for it went away in between.
stranded: list[Any] = []


class QoS(redis.QoS):
    """Kombu's book of the messages that are handed out."""

    channel: Any
    _delivered: Any
    _remove_from_indices: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message, in Redis and here; keep it if that fails, for it is nowhere else."""
        try:
            super().append(message, delivery_tag)
            if abs(self.lag) > 1.0:
                self.claim({delivery_tag})
        except Exception:
            stranded.append(message)
            raise
        # Redis has it, and gives it back by its tag. Held here as well, a look at a long queue would hold all of it.
        self._delivered[delivery_tag] = None

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue; what is none goes to a worker, which sets it aside.

        Kombu would stop at it each time, and put back nothing that comes after it.
        """
        with self.channel.conn_or_acquire(client) as connection:
            item = connection.hget(self.unacked_key, tag)
            queues = self.channel.active_queues
            if item and queues and not _was_handed_out(item):
                connection.lpush(queues[0], envelope.around(item, queues[0]))
                self._remove_from_indices(tag).execute()
                return
        super().restore_by_tag(tag, client, leftmost)

    def claim(self, tags: Set[str]) -> None:
        """Note that messages are in hand now, by the clock of Redis; what was acknowledged meanwhile is left alone."""
        with self.channel.conn_or_acquire() as client:
            self.lag = _lag(client)
            if tags:
                client.zadd(self.unacked_index_key, dict.fromkeys(tags, time.time() + self.lag), xx=True)

    @cached_property
    def lag(self) -> float:
        """The seconds that the clock of this machine is behind that of Redis."""
        with self.channel.conn_or_acquire() as client:
            return _lag(client)

    @property
    def visibility_timeout(self) -> float:  # type: ignore[override]
        """What kombu subtracts from this machine's clock, to find the messages that nobody has claimed."""
        return float(self.channel.visibility_timeout - self.lag)


def _lag(client: Any) -> float:
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6 - time.time())


class Channel(redis.Channel):
    """Kombu's channel, on which a higher priority is served first and no message stops a worker."""

    QoS = QoS

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
        return dict(self.address)

    def _get_message_priority(self, message: dict[str, Any], reverse: bool = False) -> int:
        return super()._get_message_priority(message, reverse=not reverse)

    def _do_restore_message(self, *args: Any, **_: Any) -> None:
        # A message that is given back comes first again. Kombu would put one that is rejected behind all others.
        super()._do_restore_message(*args[:4])  # type: ignore[misc]

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        with self.conn_or_acquire() as client:
            for priority in self.priority_steps:
                if item := client.rpop(self._q_for_pri(queue, priority)):  # type: ignore[attr-defined]
                    return envelope.opened(item, queue)
        raise Empty

    def _receive_one(self, client: Any) -> Any:
        # What was sent to every worker at once and is no message concerns nobody. It may not end one.
        try:
            return super()._receive_one(client)  # type: ignore[misc]
        except Empty:
            raise
        except _lost_connection(self):
            raise
        except Exception:
            logger.exception("what was published is no message")
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
    """Put what is no message of kombu's into one. Otherwise the worker ends, and what it has just taken is gone."""
    if not response:
        return response
    place, item = response
    return response if envelope.is_one(item) else [place, envelope.around(item, _queue_at(place))]


def _queue_at(place: bytes) -> str:
    """Return the queue of a list; each priority has one of its own."""
    return place.decode().partition(Channel.sep)[0]


def _was_handed_out(item: bytes) -> bool:
    try:
        message, exchange, routing_key = loads(item)
        return isinstance(exchange, str) and isinstance(routing_key, str) and envelope.is_one(dumps(message).encode())
    except Exception:
        return False


def _lost_connection(channel: Any) -> tuple[type[Exception], ...]:
    # Kombu counts `KeyError` as one, which nonsense raises too.
    return tuple(error for error in channel.connection_errors if error is not KeyError)


class Transport(redis.Transport):
    """The transport behind `redis://` and `rediss://`."""

    Channel = Channel


def register() -> None:
    """Let kombu use this transport."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
