"""A server becomes a replica while connections to it are open, and its address leads to another server."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.boot.brokers import Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.polling import wait_for
from tests.boot.servers import free_port
from tests.boot.supervisor import RUN_VARIABLE

from .relay import Relay
from .running import Figures
from .stage import START_SECONDS, Stage, lines, refused

pytestmark = pytest.mark.faults

AWAY_SECONDS = 4.0
ENDED_SECONDS = 60.0


@contextmanager
def replica(stage: Stage, part: str) -> Iterator[None]:
    """Let a Redis wait for a primary that is away."""
    server = stage.servers[part]
    assert isinstance(server, Redis)
    server.follow(free_port())
    try:
        yield
    finally:
        server.follow(None)


@pytest.fixture
def standby(stage: Stage) -> Iterator[Redis]:
    """A replica of the broker, which has the same password."""
    place = stage.path("standby")
    place.mkdir(mode=0o711)
    broker = stage.servers["broker"]
    server = Redis(place, broker.accounts, {RUN_VARIABLE: str(stage.run.directory)})
    server.start()
    server.follow(broker.port)
    with server.client() as operator:
        wait_for("it has what the broker has", lambda: operator.info()["master_link_status"] == "up", within=20)
    yield server
    server.stop()


@pytest.mark.on("redis", "redis-mysql")
def test_a_broker_that_is_a_replica_for_a_while_ends_no_process_and_no_task(stage: Stage, figures: Figures) -> None:
    traces = stage.path()
    begun = stage.enqueue("hold", path=traces, seconds=AWAY_SECONDS / 2)
    wait_for("it has begun", lambda: lines(traces), within=20)

    with replica(stage, "broker"):
        time.sleep(AWAY_SECONDS)
        assert refused(stage.post("note", path=stage.path()))
    back = time.monotonic()
    wait_for("the API accepts tasks again", lambda: not refused(stage.post("note", path=stage.path())), within=20)
    stage.api.result(stage.enqueue("note", path=stage.path()), within=ENDED_SECONDS)
    figures(f"a task ran {time.monotonic() - back:.1f} s after the broker was a primary again")

    stage.api.result(begun, within=ENDED_SECONDS)
    assert lines(traces) == [f"begun {begun}", f"ended {begun}"]
    for process in stage.processes.values():
        process.expect_alive()


@pytest.mark.on("redis", "redis-mysql")
def test_results_are_stored_after_their_store_was_a_replica(stage: Stage) -> None:
    task_id = stage.enqueue("hold", path=stage.path(), seconds=1.0)

    with replica(stage, "results"):
        time.sleep(AWAY_SECONDS)

    assert stage.api.result(task_id, within=ENDED_SECONDS) == 1.0
    for process in stage.processes.values():
        process.expect_alive()


@pytest.mark.on("redis")
def test_an_address_that_leads_to_a_new_primary_is_followed(stage: Stage, standby: Redis, figures: Figures) -> None:
    """Broker and results are on one server, whose connections stay open when it has become a replica of the other."""
    broker = stage.servers["broker"]
    assert isinstance(broker, Redis)
    relay = Relay(broker.port)
    url = relay.address(stage.environment["CELERY_BROKER_URL"])
    moving = {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": re.sub(r"/\d+$", "/1", url)}
    stage.start_worker(**moving)
    stage.serve(**moving)
    traces = stage.path()
    begun = stage.enqueue("hold", path=traces, seconds=AWAY_SECONDS)
    wait_for("it has begun", lambda: lines(traces), within=START_SECONDS)

    standby.follow(None)
    broker.follow(standby.port)
    relay.lead_to(standby.port)
    moved = time.monotonic()
    wait_for("tasks are accepted again", lambda: not refused(stage.post("note", path=stage.path())), within=20)
    stage.api.result(stage.enqueue("note", path=stage.path()), within=ENDED_SECONDS)
    figures(f"a task ran {time.monotonic() - moved:.1f} s after the address led to the new primary")

    stage.api.result(begun, within=ENDED_SECONDS)
    assert lines(traces) == [f"begun {begun}", f"ended {begun}"]
    for process in stage.processes.values():
        process.expect_alive()
    stage.processes["worker"].kill()
    broker.follow(None)
    stage.serve()
    relay.close()


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_a_database_that_is_read_only_for_a_while_is_unavailable(stage: Stage) -> None:
    server = stage.servers["database"]
    assert isinstance(server, PostgreSQL | MariaDB)
    stage.api.result(stage.enqueue("note", path=stage.path()))

    server.allow_writes(False)
    try:
        wait_for("tasks are refused", lambda: refused(stage.post("note", path=stage.path())), within=10)
    finally:
        server.allow_writes(True)

    wait_for("tasks are accepted", lambda: not refused(stage.post("note", path=stage.path())), within=10)
    stage.api.result(stage.enqueue("note", path=stage.path()), within=ENDED_SECONDS)
    for process in stage.processes.values():
        process.expect_alive()
