"""Kombu's transport for Redis, with what a queue of messages that must not be lost needs beside it.

It builds on parts of kombu that are not public: try restarts of Redis before you let in a new minor version of kombu.
"""

import base64
import json
import time
import uuid
from collections.abc import Set
from functools import cached_property
from typing import Any

from celery.worker import state
from kombu.transport import TRANSPORT_ALIASES, redis

# Messages that Redis has handed out and could not note as handed out, for it went away in between.
stranded: list[Any] = []


class QoS(redis.QoS):
    """Kombu's book of the messages that are handed out."""

    channel: Any

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message, in Redis and here; keep it if that fails, for it is nowhere else."""
        try:
            super().append(message, delivery_tag)
            if abs(self.lag) > 1.0:
                self.claim({delivery_tag})
        except Exception:
            stranded.append(message)
            raise

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

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)  # type: ignore[misc]
        client.set_response_callback("BRPOP", _in_an_envelope)
        return client


def _in_an_envelope(response: list[bytes] | None) -> list[bytes] | None:
    """Put what is no message of kombu's into one. Otherwise the worker ends, and what it has just taken is gone."""
    if not response:
        return response
    place, item = response
    try:
        message = json.loads(item)
        if {"body", "headers", "content-type", "content-encoding"} <= message.keys():
            message["properties"]["delivery_tag"], message["properties"]["delivery_info"]
            return response
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    queue_name = place.decode().partition(Channel.sep)[0]
    envelope = {
        "body": base64.b64encode(item).decode(),
        "content-type": "application/octet-stream",
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue_name},
        },
    }
    return [place, json.dumps(envelope).encode()]


class Transport(redis.Transport):
    """The transport behind `redis://` and `rediss://`."""

    Channel = Channel


def register() -> None:
    """Let kombu use this transport."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
