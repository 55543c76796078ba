"""What is written is written, although the connection broke before the answer: it is done again, and counts once."""

import json
from contextlib import closing
from random import Random

import pytest

from .relay import Relay
from .stage import Stage, lines

pytestmark = pytest.mark.faults

TASKS = 60
END_SECONDS = 120.0
CUT = 0.15


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_a_worker_that_hears_of_no_commit_loses_no_task(stage: Stage) -> None:
    server = stage.servers["database"]
    with closing(Relay(server.port, server.name)) as relay:
        worker = stage.start_worker("worker", DATABASE_URL=relay.address(stage.environment["DATABASE_URL"]))
        stage.api.result(stage.enqueue("whereabouts"), within=END_SECONDS)
        relay.cut_after("COMMIT", probability=CUT, rng=Random(1))
        traces = stage.path()
        task_ids = [stage.enqueue("note", path=traces) for _ in range(TASKS)]

        for task_id in task_ids:
            stage.api.result(task_id, within=END_SECONDS)
        assert relay.counts["cut after COMMIT"] > 0
        assert sorted(lines(traces)) == sorted(task_ids)
        worker.expect_alive()
    stage.start_worker()


@pytest.mark.on("redis")
def test_a_worker_that_hears_of_no_key_loses_no_task(stage: Stage) -> None:
    server = stage.servers["results"]
    with closing(Relay(server.port, server.name)) as relay:
        backend = relay.address(stage.environment["CELERY_RESULT_BACKEND"])
        stage.start_worker("worker", CELERY_RESULT_BACKEND=backend)
        stage.api.result(stage.enqueue("whereabouts"), within=END_SECONDS)
        relay.cut_after("SET", probability=CUT, rng=Random(1))
        traces = stage.path()
        task_ids = [keyed(stage, f"lost answer {number}", traces) for number in range(TASKS)]

        for task_id in task_ids:
            stage.api.result(task_id, within=END_SECONDS)
        assert relay.counts["cut after SET"] > 0
        assert sorted(lines(traces)) == sorted(task_ids)
    stage.start_worker()


REDELIVERIES = """
import json
from functools import partial
from app.core.celery import celery_app
from app.jobs import runs
from app.jobs.tracking import patiently

print(json.dumps([patiently(partial(runs.deaths, "one that comes back", f"run {number}")) for number in range(30)]))
"""


@pytest.mark.on("redis")
def test_a_message_that_comes_back_is_counted_once_each_time(stage: Stage) -> None:
    server = stage.servers["results"]
    with closing(Relay(server.port, server.name)) as relay:
        relay.cut_after("EXEC", probability=CUT, rng=Random(1))
        address = relay.address(stage.environment["CELERY_RESULT_BACKEND"])
        printed = stage.script(REDELIVERIES, CELERY_RESULT_BACKEND=address)

        assert json.loads(printed.splitlines()[-1]) == list(range(1, 31))
        assert relay.counts["cut after EXEC"] > 0


KEYS_IN_PARALLEL = """
import json, random
from concurrent.futures import ThreadPoolExecutor
from app.core.database import session
from app.jobs.service import JobsService

THREADS, ROUNDS, KEYS = 16, 20, 4
chance = random.Random(3)
choices = [[(chance.sample(range(KEYS), 2), chance.random() < 0.3) for _ in range(ROUNDS)] for _ in range(THREADS)]

class Rollback(Exception):
    pass

def push(turns):
    told, left = [], list(enumerate(turns))
    while left:
        number, (keys, fails) = left.pop()
        pushed = []
        try:
            with session():
                # In one order, so that no two transactions wait for each other.
                for key in sorted(keys):
                    key = f"{{number}} {{key}}"
                    info = JobsService().push_task(
                        "app.tasks.fault_probe.note", {organization!r}, idempotency_key=key, path={path!r}
                    )
                    pushed.append(str(info.task_id))
                if fails:
                    raise Rollback
        except Rollback:
            continue
        except Exception as error:
            if "Deadlock found" in str(error):  # which MySQL resolves by ending one transaction, to be begun again
                left.append((number, (keys, fails)))
            else:
                told.append(f"{{type(error).__name__}}: {{error}}")
        else:
            told += pushed
    return told

with ThreadPoolExecutor(THREADS) as pool:
    print(json.dumps(sorted(set(sum(pool.map(push, choices), [])))))
"""


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_one_key_in_many_transactions_is_one_task_whichever_are_rolled_back(stage: Stage) -> None:
    traces = stage.path()
    printed = stage.script(
        KEYS_IN_PARALLEL.format(organization=stage.organization, path=str(traces)), DATABASE_POOL_SIZE="20"
    )
    told = json.loads(printed.splitlines()[-1])

    assert [entry for entry in told if " " in entry] == []
    for task_id in told:
        stage.api.result(task_id, within=END_SECONDS)
    assert sorted(lines(traces)) == told


def keyed(stage: Stage, key: str, path: object) -> str:
    response = stage.api.http.post(
        "/tasks/app.tasks.fault_probe.note", json={"path": str(path)}, headers={"Idempotency-Key": key}
    )
    task_id: str = response.json()["task_id"]
    return task_id
