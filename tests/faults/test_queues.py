"""Workers that share the queues, and messages that overtake others."""

import json
import re

import pytest

from tests.boot.polling import wait_for
from tests.boot.processes import Process

from .rabbitmq4 import rabbitmq4
from .stage import Stage, lines

pytestmark = pytest.mark.faults

SLUG = "demo-project"
NOTICED_SECONDS = 20.0
NODE = re.compile(r"([\w.-]+@[\w.-]+) ready\.")

# A virtual host that nobody has used yet has no queue either.
DELETE = """
from app.core import broker, services

with services.connection() as connection:
    for queue in (*broker.QUEUES, broker.DEAD_LETTER_QUEUE):
        queue(connection.default_channel).delete()
"""
INSPECT = """
import json
from app.core.celery import celery_app

print(json.dumps(celery_app.control.inspect().ping()))
"""

PUSH_TEN = """
from app.jobs.service import JobsService
for priority in (4, 0, 7, 2, 9, 5, 1, 8, 3, 6):
    JobsService().push_task(
        "app.tasks.fault_probe.note", {organization!r}, priority=priority, path={path!r}, line=str(priority)
    )
"""


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_two_workers_share_the_queues_and_the_loss_of_one_is_told(stage: Stage) -> None:
    stage.processes["worker"].kill()
    stage.script(DELETE)
    others = stage.start_worker("others", "--queues", f"{SLUG}.default,{SLUG}.ai")
    datasync = stage.start_worker("datasync", "--queues", f"{SLUG}.datasync")
    names = [node(others), node(datasync)]
    wait_for("every queue has a worker", lambda: served(stage), within=60, every=0.5)
    ran_by = {name: stage.api.result(stage.enqueue(name)) for name in ("whereabouts", "datasync.refresh")}
    assert list(ran_by.values()) == names
    # Each answers for itself, and once.
    answers = json.loads(stage.script(INSPECT).splitlines()[-1])
    assert answers == {name: {"ok": "pong"} for name in names}
    assert "CRITICAL" not in others.output() + datasync.output()

    datasync.kill()

    wait_for("the loss is told", lambda: not served(stage), within=NOTICED_SECONDS, every=0.5)
    ready, workers = stage.api.http.get("/health/ready"), stage.api.http.get("/health/workers")
    assert (ready.status_code, ready.json()["status"], workers.status_code) == (200, "degraded", 503)
    for answer in (ready, workers):
        assert answer.json()["checks"]["workers"]["detail"] == "no worker consumes datasync"
    assert stage.api.result(stage.enqueue("whereabouts")) == names[0]
    stage.start_worker("datasync", "--queues", f"{SLUG}.datasync")
    wait_for("every queue has a worker", lambda: served(stage), within=60, every=0.5)


@pytest.mark.on("redis")
def test_a_higher_priority_is_served_first(stage: Stage) -> None:
    expect_order(stage)


@pytest.mark.on("rabbitmq-postgresql")
def test_a_higher_priority_is_served_first_by_rabbitmq_4(stage: Stage) -> None:
    with rabbitmq4() as url:
        expect_order(stage, CELERY_BROKER_URL=url)


def expect_order(stage: Stage, **environment: str) -> None:
    """Let ten tasks wait, and see in which order one process takes them."""
    stage.processes["worker"].kill()
    traces = stage.path()
    # The last option counts; once it has been ready, every queue exists.
    one = stage.start_worker("one", "--concurrency", "1", **environment)
    wait_for("the worker is ready", lambda: " ready." in one.output(), within=60)
    one.kill()
    stage.script(PUSH_TEN.format(organization=stage.organization, path=str(traces)), **environment)

    stage.start_worker("one", "--concurrency", "1", **environment)

    wait_for("all ten have run", lambda: len(lines(traces)) == 10, within=60)
    assert lines(traces) == list("9876543210")


def node(worker: Process) -> str:
    """Return the name that a worker, which was given none, has chosen."""
    names: list[str] = wait_for(f"{worker.name} is ready", lambda: NODE.findall(worker.output()), within=60)
    return names[-1]


def served(stage: Stage) -> bool:
    """Tell whether the API says that every queue has a worker."""
    return stage.api.http.get("/health/workers").status_code == 200
