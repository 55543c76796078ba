"""What comes through the broker and is not a message of the project: it ends no worker, and none of it is lost."""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import amqp
import psutil
import pytest
import redis
from kombu.connection import Connection

from tests.boot.client import said
from tests.boot.polling import wait_for

from . import corpus
from .corpus import Letter, traced
from .running import Figures
from .stage import Stage, lines

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "rabbitmq-postgresql")]

SEED = int(os.environ.get("FORGE_FUZZ_SEED", "1"))
BY_CHANCE = int(os.environ.get("FORGE_FUZZ_MESSAGES", "150"))
ENDED_SECONDS = 120.0
MEMORY_MIB = 640.0
ANSWER_BYTES = 4 * 2**20

SHORT = {"CELERY_VISIBILITY_TIMEOUT": "3", "CELERY_TASK_TIME_LIMIT": "2", "CELERY_TASK_SOFT_TIME_LIMIT": "1"}
COMMANDS = (
    b"x", b"\xff\xfe", b"7", b"[]", b"{}", b"[" * corpus.DEEP, json.dumps({"properties": 7}).encode(),
    json.dumps(corpus.enveloped(Letter({}, b"[]"))).encode(),
    json.dumps(corpus.enveloped(Letter({"clock": "x"}, b'{"method": 7}'))).encode(),
    json.dumps(corpus.enveloped(Letter({"compression": "gzip"}, b"x"))).encode(),
)  # fmt: skip

STATES = """
import json
from app.core.celery import celery_app
ids = json.loads(open({path!r}).read())
print(json.dumps([celery_app.backend.get_state(each) for each in ids]))
"""


def test_no_message_ends_a_worker_and_every_one_is_accounted_for(stage: Stage, figures: Figures) -> None:
    purge(stage)
    worker, api = stage.processes["worker"], stage.processes["api"]
    traces = stage.path()
    chance = random.Random(SEED)

    with measured(worker.process.pid, api.process.pid) as peaks:
        sent, ids = send(stage, chance, str(traces))
        good = [stage.enqueue("note", path=stage.path()) for _ in range(5)]
        for each in good:
            stage.api.result(each, within=ENDED_SECONDS)

        def unaccounted() -> int:
            listed = letters(stage)
            known = {letter["id"] for letter in listed}
            ran = Counter(lines(traces))
            others = [each for each in ids if each not in known and each not in ran]
            ended = sum(state in {"SUCCESS", "FAILURE", "REVOKED"} for state in states(stage, others))
            return sent - len(listed) - sum(ran[each] for each in ran.keys() - known) - ended

        wait_for("every message is accounted for", lambda: unaccounted() == 0, within=ENDED_SECONDS, every=1)
        found = letters(stage)
        for letter in chance.sample(found, 15):
            shown = stage.administer("GET", f"/dead-letters/{letter['id']}")
            assert shown.status_code == 200, said(shown)
            assert len(shown.content) < ANSWER_BYTES, letter["id"]

    reasons = Counter(letter["death"]["reason"] for letter in found)
    figures(f"{sent} messages (seed {SEED}): {len(found)} dead letters, {dict(reasons)}; "
            f"the worker took {peaks[0]:.0f} MiB at most, the API {peaks[1]:.0f}")  # fmt: skip
    assert worker.process.poll() is None, worker.output()[-5000:]
    assert max(peaks) < MEMORY_MIB
    assert stage.cli("dead-letters", "list").count("\n") >= min(len(found), 100)
    stage.api.result(stage.enqueue("note", path=stage.path()))
    purge(stage)


@pytest.mark.on("redis")
def test_nonsense_where_kombu_keeps_its_books_in_redis_stops_nothing(stage: Stage) -> None:
    purge(stage)
    stage.start_worker("worker", **SHORT)
    url = stage.environment["CELERY_BROKER_URL"]
    waiting, traces = corpus.good(), stage.path()
    handed_out = [json.dumps(corpus.enveloped(traced(waiting, str(traces))))]
    triples = [[json.loads(each), f"{corpus.SLUG}.tasks", f"{corpus.SLUG}.default"] for each in handed_out]
    # What was handed out long ago is put back, the newest first.
    nonsense = ["", "x", "[", "7", "null", "[1, 2]", "[1, 2, 3]", '["x", "y", "z"]', "[[], {}, null]", '[{}, "", ""]',
                json.dumps([{"headers": 7}, [], {}])]  # fmt: skip
    with redis.Redis.from_url(url) as server:
        for number, item in enumerate((*nonsense, json.dumps(triples[0]))):
            tag = f"nonsense-{number}"
            server.hset(f"{corpus.SLUG}:unacked", tag, item)
            server.zadd(f"{corpus.SLUG}:unacked_index", {tag: 1000 - number})
        server.zadd(f"{corpus.SLUG}:unacked_index", {b"\xff\xfe": 5})
        server.sadd(f"_kombu.binding.{corpus.SLUG}.tasks", b"", b"x", b"\xff\xfe", b"a\x06\x16b", b"\x06\x16" * 9)
        server.sadd(f"_kombu.binding.{corpus.SLUG}.pidbox", b"x")
        dead = [
            b"",
            b"x",
            b"\xff",
            b"{}",
            b"[" * corpus.DEEP,
            json.dumps(corpus.enveloped(corpus.good(id=[1]))).encode(),
            json.dumps(corpus.enveloped(corpus.good(dead_letters=7, **{"x-death": [7, {"time": 1e999}]}))).encode(),
        ]
        server.lpush(f"{corpus.SLUG}.dead", *dead)
        channel = f"/{server.connection_pool.connection_kwargs['db']}.{corpus.SLUG}.pidbox"
        for command in COMMANDS:
            server.publish(channel, command)

    task = stage.enqueue("note", path=stage.path())
    stage.api.result(task)
    wait_for("what was handed out runs", lambda: lines(traces), within=60)
    # An empty entry is as good as none.
    expected = len(nonsense) - 1 + len(dead)
    wait_for("the rest is set aside", lambda: len(letters(stage)) >= expected, within=30)
    for letter in letters(stage):
        shown = stage.administer("GET", f"/dead-letters/{letter['id']}")
        assert shown.status_code == 200, said(shown)
    assert stage.cli("dead-letters", "list").count("\n") == expected
    assert b"pong" in stage.command("celery", "-A", "app.core.celery", "inspect", "ping").encode()
    stage.processes["worker"].expect_alive()
    purge(stage)
    stage.start_worker()


@pytest.mark.on("rabbitmq-postgresql")
def test_commands_that_are_none_stop_no_worker(stage: Stage) -> None:
    traces = stage.path()
    task = stage.enqueue("hold", path=traces, seconds=3.0)
    wait_for("it has begun", lambda: lines(traces), within=20)

    with Connection(stage.environment["CELERY_BROKER_URL"]) as connection, connection.channel() as channel:
        for exchange in (f"{corpus.SLUG}.pidbox", f"{corpus.SLUG}.events"):
            for content_type in ("application/json", "application/data", "application/x-python-serialize", ""):
                for body in (b"", b"x", b"7", b"{}", b"[]", b'{"method": 7}', b'{"method": "no"}', b"\xff" * 9):
                    headers = {"clock": "x", "compression": "gzip"} if body == b"x" else {}
                    message = amqp.Message(body, content_type=content_type, application_headers=headers)
                    channel.basic_publish(message, exchange=exchange, routing_key="worker.heartbeat")

    # It was not begun again, which it would be if the connection had been lost.
    stage.api.result(task)
    assert lines(traces) == [f"begun {task}", f"ended {task}"]
    assert "pong" in stage.command("celery", "-A", "app.core.celery", "inspect", "ping")


def send(stage: Stage, chance: random.Random, traces: str) -> tuple[int, list[str]]:
    """Send them all; return how many, and the ids of those that have one."""
    url = stage.environment["CELERY_BROKER_URL"]
    if stage.kind.name == "redis":
        items = list(corpus.on_a_list(chance, BY_CHANCE, traces))
        corpus.push(url, items, chance)
        return len(items), [each for item in items if (each := id_in(item))]
    found = [*(make() for make in corpus.KNOWN.values()), *corpus.by_chance(chance, BY_CHANCE, corpus.ON_RABBITMQ)]
    found = [traced(letter, traces) for letter in found]
    return corpus.publish(url, found), [each for letter in found if (each := id_of(letter))]


def id_of(letter: Letter) -> str | None:
    """Return the id of a message."""
    found = letter.headers.get("id") if isinstance(letter.headers, dict) else None
    return found if isinstance(found, str) and found.isprintable() else None


def id_in(item: bytes) -> str | None:
    """Return the id of a message on one of Redis' lists."""
    try:
        return id_of(Letter(json.loads(item)["headers"]))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def states(stage: Stage, ids: list[str]) -> list[str]:
    """Return what the store of results says of tasks."""
    path = stage.path("ids")
    path.write_text(json.dumps(ids))
    found: list[str] = json.loads(stage.script(STATES.format(path=str(path))))
    return found


def letters(stage: Stage) -> list[dict[str, Any]]:
    """Return every dead letter, as an administrator sees them."""
    response = stage.administer("GET", "/dead-letters?limit=1000")
    assert response.status_code == 200, said(response)
    assert len(response.content) < ANSWER_BYTES
    found: list[dict[str, Any]] = response.json()
    return found


def purge(stage: Stage) -> None:
    """Delete every dead letter."""
    stage.cli("dead-letters", "purge", "--yes")
    assert letters(stage) == []


@contextmanager
def measured(*pids: int) -> Iterator[list[float]]:
    """Watch what processes take in memory while the block lasts; the list has the peak of each, in MiB."""
    peaks = [0.0] * len(pids)
    enough = threading.Event()

    def watch() -> None:
        watched = [psutil.Process(pid) for pid in pids]
        while not enough.wait(0.02):
            for number, process in enumerate(watched):
                try:
                    peaks[number] = max(peaks[number], process.memory_info().rss / 2**20)
                except psutil.NoSuchProcess:
                    return

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peaks
    finally:
        enough.set()
        watching.join()
