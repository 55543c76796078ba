"""The relay breaks connections in the way that it says, seen by the clients of real servers."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from random import Random

import pytest

from .relay import Direction, Relay
from .stage import Stage

pytestmark = pytest.mark.faults

# Each prints what the client saw, on the first line, and what is there afterwards, seen past the relay, on the second.
COMMIT = """
from sqlalchemy import create_engine, text
from app.core.database import URL, session

past = create_engine(URL.set(port={port}))
with past.begin() as db:
    db.execute(text("CREATE TABLE {table} (number INTEGER)"))
try:
    with session() as db:
        db.execute(text("INSERT INTO {table} VALUES (7)"))
    print("committed")
except Exception as error:
    print(type(error).__name__)
with past.begin() as db:
    print(db.scalar(text("SELECT count(*) FROM {table}")))
"""
SET = """
from redis import Redis
from app.core.celery import celery_app

client = Redis.from_url(celery_app.conf.broker_url)
client.ping()
try:
    client.pipeline(transaction=False).get("other").set("relayed", "7").execute()
    print("set")
except Exception as error:
    print(type(error).__name__)
print(Redis.from_url({past!r}).get("relayed").decode())
"""
PUBLISH = """
from kombu import Connection
from app.core.broker import TRANSPORT_OPTIONS
from app.core.celery import celery_app

with Connection({past!r}) as past, Connection(
    celery_app.conf.broker_url, transport_options=TRANSPORT_OPTIONS
) as connection:
    queue = past.SimpleQueue("relayed")
    try:
        connection.SimpleQueue("relayed").put({{"number": 7}})
        print("confirmed")
    except Exception as error:
        print(type(error).__name__)
    print(queue.get(timeout=10).payload["number"])
    queue.queue.delete()
"""


class Echo(socketserver.BaseRequestHandler):
    """Answers with what it hears."""

    def handle(self) -> None:
        while data := self.request.recv(1000):
            self.request.sendall(data)


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay to a server that answers with what it hears."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        relay = Relay(server.server_address[1])
        yield relay
        relay.close()
        server.shutdown()


def test_what_is_sent_arrives(relay: Relay) -> None:
    with connect(relay) as client:
        sent = b"x" * 1_000_000
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        received = b""
        while len(received) < len(sent):
            received += client.recv(65_536)
    assert received == sent
    assert relay.counts == {"connections": 1}


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_a_half_open_connection_is_silent_until_it_is_cut(relay: Relay, direction: Direction) -> None:
    with connect(relay) as client:
        assert said(client, b"before") == b"before"
        relay.drop(direction)
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            said(client, b"lost")
        client.settimeout(10)
        relay.heal()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert relay.counts == {"connections": 1, "dropped": 4, "cut": 1}
    with connect(relay) as client:
        assert said(client, b"after") == b"after"


def test_a_delay_holds_what_is_sent(relay: Relay) -> None:
    with connect(relay) as client:
        relay.delay(0.3, "to_server", "to_client")
        started = time.monotonic()
        assert said(client, b"late") == b"late"
        assert time.monotonic() - started >= 0.6


def test_a_cut_breaks_open_connections_and_lets_new_ones_in(relay: Relay) -> None:
    with connect(relay) as first, connect(relay) as second:
        assert (said(first, b"1"), said(second, b"2")) == (b"1", b"2")
        assert relay.cut() == 2
        for client in (first, second):
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    with connect(relay) as client:
        assert said(client, b"3") == b"3"
        assert relay.cut(gracefully=True) == 1
        assert client.recv(1) == b""


def test_a_refusal_keeps_new_connections_out_and_leaves_open_ones_alone(relay: Relay) -> None:
    with connect(relay) as client:
        assert said(client, b"1") == b"1"
        relay.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(relay)
        assert said(client, b"2") == b"2"
    relay.heal()
    with connect(relay) as client:
        assert said(client, b"3") == b"3"


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_a_commit_is_done_although_its_answer_is_lost(stage: Stage) -> None:
    server = stage.servers["database"]
    relay = Relay(server.port, server.name)
    url = relay.address(stage.environment["DATABASE_URL"])

    def seen(table: str) -> list[str]:
        return stage.script(COMMIT.format(port=server.port, table=table), DATABASE_URL=url).split()

    # On MariaDB, SQLAlchemy's first COMMIT follows the setting of the isolation level.
    relay.cut_after("COMMIT", nth=2 if server.name == "mysql" else 1)
    assert seen("relayed_1") == ["OperationalError", "1"]
    assert relay.counts["cut after COMMIT"] == 1
    assert seen("relayed_2") == ["committed", "1"]
    relay.cut_after("COMMIT", probability=1.0, rng=Random(7))
    assert seen("relayed_3")[0] == "OperationalError"
    assert relay.counts["cut after COMMIT"] == 2
    relay.close()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_message_is_stored_although_its_answer_is_lost(stage: Stage) -> None:
    server = stage.servers["broker"]
    relay = Relay(server.port, server.name)
    past = stage.environment["CELERY_BROKER_URL"]
    url = relay.address(past)
    source, request, done = {"redis": (SET, "SET", "set"), "rabbitmq": (PUBLISH, "PUBLISH", "confirmed")}[server.name]

    def seen() -> list[str]:
        return stage.script(source.format(past=past), CELERY_BROKER_URL=url).split()

    relay.cut_after(request, nth=1)
    error, stored = seen()
    assert error in {"ConnectionError", "ConnectionResetError", "OperationalError"}
    assert stored == "7"
    assert relay.counts[f"cut after {request}"] == 1
    assert seen() == [done, "7"]
    relay.close()


def connect(relay: Relay) -> socket.socket:
    """Connect as a client."""
    return socket.create_connection(("127.0.0.1", relay.port), timeout=10)


def said(client: socket.socket, text: bytes) -> bytes:
    """Send something short, and return the answer."""
    client.sendall(text)
    return client.recv(len(text))
