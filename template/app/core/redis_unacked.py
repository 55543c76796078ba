"""Kombu's book of the messages that Redis has handed out and nobody has acknowledged yet.

It builds on parts of kombu that are not public, as the transport does.
"""

import time
from collections.abc import Callable, Set
from functools import cached_property
from typing import Any

from kombu.transport import redis

from app.core import envelope
from app.core.config.settings import settings
from app.core.services import lost_connection


class QoS(redis.QoS):
    """Kombu's book of the messages that are handed out."""

    channel: Any
    _delivered: Any
    _dirty: Any
    _flush: Any
    _remove_from_indices: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message here, and in Redis unless it was noted there when it was taken."""
        if delivery_tag != self.channel.noted:
            super().append(message, delivery_tag)
        elif self._dirty:
            self._flush()
        # Redis gives it back by its tag. Held here as well, a look at a long queue would hold all of it.
        self._delivered[delivery_tag] = None

    def ack(self, delivery_tag: Any) -> None:
        """Acknowledge a message; also over a new connection."""
        repeated(self.channel, lambda: super(QoS, self).ack(delivery_tag))

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        """Give a message back, or do not; also over a new connection, on which only what is not done yet is."""
        repeated(self.channel, lambda: super(QoS, self).reject(delivery_tag, requeue))

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue; what is none becomes a dead letter.

        Kombu would stop at it each time, and put back nothing that comes after it.
        """
        with self.channel.conn_or_acquire(client) as connection:
            item = connection.hget(self.unacked_key, tag)
            if item and not envelope.is_noted(item):
                dead_letters = self.channel.dead_letters
                connection.lpush(dead_letters, envelope.around(item, dead_letters))
                self._remove_from_indices(tag).execute()
                return
        super().restore_by_tag(tag, client, leftmost)

    def restore_visible(self, **options: Any) -> None:  # type: ignore[override]
        """Put back what nobody has claimed in time, also from the book that older workers keep."""
        super().restore_visible(**options)
        self._older.lag = self.lag
        redis.QoS.restore_visible(self._older, **options)

    @cached_property
    def _older(self) -> "SharedQoS":
        return SharedQoS(self.channel)

    def fetched(self) -> set[str]:
        """Return the tags of what was fetched, and of what may be on its way; some may be acknowledged."""
        on_its_way = self.channel.asked_for
        return set(self._delivered) | ({on_its_way} if on_its_way else set())

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


class SharedQoS(QoS):
    """The book of releases up to 0.3.0, which all projects in one place share."""

    unacked_key, unacked_index_key, unacked_mutex_key = "unacked", "unacked_index", "unacked_mutex"

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back if it is one of this project."""
        with self.channel.conn_or_acquire(client) as connection:
            if envelope.noted_queue(connection.hget(self.unacked_key, tag)).startswith(f"{settings.app.SLUG}."):
                super().restore_by_tag(tag, connection, leftmost)


def _lag(client: Any) -> float:
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6 - time.time())


def repeated(channel: Any, call: Callable[[], Any]) -> Any:
    """Make a call, and make it again when the connection breaks: nobody may know whether it was done."""
    try:
        return call()
    except lost_connection(channel.connection_errors):
        return call()
