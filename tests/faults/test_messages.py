"""What comes through the broker and is no message of the project's: it ends no worker, and none of it is lost."""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

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
