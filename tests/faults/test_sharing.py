"""Two projects on one Redis database, or in one virtual host of RabbitMQ, have nothing to do with each other."""

import json
import time
from collections.abc import Iterable

import pytest
import redis

from tests.boot.polling import wait_for

from . import corpus
from .stage import START_SECONDS, Stage, lines, visible_again_after

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "rabbitmq-postgresql")]

TIMEOUT = 5
SHORT = visible_again_after(TIMEOUT)
OTHER = {"SLUG": "demo", **SHORT}
"""What makes another project of this one: its queues have other names."""
LOOK_SECONDS = 10  # between two looks for messages that nobody has claimed

NODES = """
from app.core.celery import celery_app
print(*(name for answer in celery_app.control.ping(timeout=2) for name in answer))
"""
REVOKE = """
from app.core.celery import celery_app
celery_app.control.revoke({task_id!r}, terminate=True)
"""


def test_each_has_its_own_workers_and_messages(stage: Stage) -> None:
    stage.start_worker("other", **OTHER)
    wait_for("the other project's worker answers", lambda: nodes(stage, **OTHER), within=START_SECONDS, every=0.5)
    stage.start_flower()
    wait_for("Flower sees a worker", stage.watched, within=START_SECONDS, every=0.5)
    traces = stage.path()
    on_redis = stage.variant.answers["broker"] == "redis"
    task_id = stage.enqueue("hold", path=traces, seconds=float(TIMEOUT + LOOK_SECONDS + 2 if on_redis else TIMEOUT))
    wait_for("the task has begun", lambda: lines(traces), within=START_SECONDS)

    stage.script(REVOKE.format(task_id=task_id), **OTHER)
    assert projects(nodes(stage)) == {corpus.SLUG}
    assert projects(nodes(stage, **OTHER)) == {OTHER["SLUG"]}

    stage.api.result(task_id, within=START_SECONDS)
    time.sleep(1)  # a second run would have begun meanwhile
    assert lines(traces) == [f"begun {task_id}", f"ended {task_id}"]
    assert projects(stage.watched()) == {corpus.SLUG}  # each has sent signs of life since


@pytest.mark.on("redis")
def test_what_a_worker_of_an_earlier_release_leaves_is_given_back_to_its_own_project(stage: Stage) -> None:
    traces = stage.path()
    own, others = (json.dumps(corpus.enveloped(corpus.traced(corpus.good(), str(traces)))) for _ in range(2))
    handed_out = {
        "own": [json.loads(own), f"{corpus.SLUG}.tasks", f"{corpus.SLUG}.default"],
        "taken": [json.loads(own), "", f"{corpus.SLUG}.default"],
        "others": [json.loads(others), "shop.tasks", "shop.default"],
        "nobody's": [7],
    }
    with redis.Redis.from_url(stage.environment["CELERY_BROKER_URL"]) as server:
        server.hset("unacked", mapping={tag: json.dumps(item) for tag, item in handed_out.items()})
        server.zadd("unacked_index", {**dict.fromkeys(handed_out, 1000), "empty": 1000})

        wait_for("both have run", lambda: len(lines(traces)) == 2, within=START_SECONDS)

        left = {"others", "nobody's", "empty"}
        assert {tag.decode() for tag in server.zrange("unacked_index", 0, -1)} == left
        assert {tag.decode() for tag in server.hkeys("unacked")} == left - {"empty"}
        server.delete("unacked", "unacked_index")


def nodes(stage: Stage, **environment: str) -> list[str]:
    """Return which workers answer a project."""
    return stage.script(NODES, **environment).split()


def projects(names: Iterable[str]) -> set[str]:
    """Return whose workers they are: `demo-project-3fa2b1@host` is one of the demo project."""
    return {name.partition("@")[0].rpartition("-")[0] for name in names}
