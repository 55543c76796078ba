"""The network between a process and a server breaks, for one side or for both, while the server is well."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from math import inf
from pathlib import Path

import httpx
import pytest

from tests.boot.polling import wait_for
from tests.boot.servers import free_port

from .relay import Relay, Side
from .running import Figures
from .stage import Stage, lines, timed

pytestmark = pytest.mark.faults

# A connection of each kind of session prints how long its system waits for a server that is silent.
SILENCE = """
import asyncio, socket
from app.core.database import async_engine, engine

def told(driver):
    number = driver.fileno() if hasattr(driver, "fileno") else getattr(driver, "_sock", None) and driver._sock.fileno()
    opened = socket.socket(fileno=number or driver._writer.get_extra_info("socket").fileno())
    tcp = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    print(opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *(opened.getsockopt(6, name) for name in tcp))
    opened.detach()

async def tell():
    async with async_engine().connect() as connection:
        told((await connection.get_raw_connection()).driver_connection)

with engine().connect() as connection:
    told(connection.connection.driver_connection)
asyncio.run(tell())
"""

AGAIN_SECONDS = 30.0
# What tells of a path that swallows everything is a heartbeat, or an answer that does not come.
NOTICED_SECONDS = 90.0
REFUSAL_SECONDS = 8.0
ASKED_SECONDS = 60.0
SIDES: tuple[Side, ...] = ("client", "server")
ENTRY = """
beat_schedule["note"] = {{"task": "app.tasks.fault_probe.note", "schedule": 1.0, "args": [{path!r}]}}
"""
ESTABLISHED, KEEPALIVE = "01", "02"


@pytest.fixture
def relay(stage: Stage) -> Iterator[Relay]:
    """A relay in front of the broker."""
    with closing(Relay(stage.servers["broker"].port)) as relay:
        yield relay


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_worker_goes_on_when_one_side_alone_loses_the_connection(stage: Stage, relay: Relay) -> None:
    worker = stage.start_worker("worker", **through(stage, relay))
    expect_tasks(stage)

    assert relay.cut("client") > 0
    expect_tasks(stage, within=AGAIN_SECONDS)
    relay.delay(0.05, "to_server", "to_client")
    expect_tasks(stage, within=AGAIN_SECONDS)

    worker.expect_alive()
    stage.start_worker()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_worker_notices_that_a_path_swallows_everything(stage: Stage, relay: Relay, figures: Figures) -> None:
    worker = stage.start_worker("worker", **through(stage, relay))
    expect_tasks(stage)

    assert relay.cut("server") > 0
    _, seconds = timed(lambda: expect_tasks(stage, within=NOTICED_SECONDS))

    figures(f"a task ended {seconds:.0f} s after the path began to swallow everything")
    worker.expect_alive()
    stage.start_worker()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_flower_goes_on_when_it_alone_loses_the_connection(stage: Stage, relay: Relay, figures: Figures) -> None:
    stage.start_flower(**through(stage, relay))
    seen = wait_for("Flower hears of the worker", stage.watched, within=AGAIN_SECONDS, every=0.5)
    # It only listens: that a path swallows everything is noticed by the system, which asks the other side.
    assert 0 < max(asked_after(relay.port)) <= ASKED_SECONDS

    assert relay.cut("client") > 0
    stage.start_worker()

    _, seconds = timed(
        lambda: wait_for("Flower hears of a new one", lambda: stage.watched() - seen, within=AGAIN_SECONDS)
    )
    figures(f"Flower heard of a new worker {seconds:.0f} s after it had lost the connection")
    stage.processes["flower"].expect_alive()


@pytest.mark.on("redis")
def test_celerys_own_scheduler_sends_on_when_one_side_alone_loses_the_connection(stage: Stage, relay: Relay) -> None:
    traces = stage.path()
    schedule = stage.project.root / "app/core/schedule.py"
    as_it_was = schedule.read_text()
    schedule.write_text(as_it_was + ENTRY.format(path=str(traces)))
    try:
        stage.celery("beat", "--schedule", str(stage.path()), **through(stage, relay))
        for side in SIDES:
            wait_for("the schedule runs", runs_again(traces), within=AGAIN_SECONDS)
            assert relay.cut(side) > 0
        wait_for("the schedule runs", runs_again(traces), within=NOTICED_SECONDS)
        stage.processes["beat"].expect_alive()
    finally:
        schedule.write_text(as_it_was)


def runs_again(traces: Path) -> Callable[[], bool]:
    """Return a function that tells whether a schedule has run twice from now on."""
    before = len(lines(traces))
    return lambda: len(lines(traces)) >= before + 2


def asked_after(port: int) -> list[float]:
    """Return after how many idle seconds the system asks the other side of each connection to a port of this machine.

    https://docs.kernel.org/networking/proc_net_tcp.html
    """
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, _, timer, *_ = line.split()
        if remote == f"0100007F:{port:04X}" and state == ESTABLISHED:
            kind, _, left = timer.partition(":")
            found.append(int(left, 16) / 100 if kind == KEEPALIVE else inf)
    return found


@pytest.mark.on("redis", "rabbitmq-postgresql", "redis-mysql")
def test_the_api_answers_in_time_when_a_path_swallows_everything(stage: Stage, figures: Figures) -> None:
    with ExitStack() as stack:
        relays = [stack.enter_context(closing(Relay(server.port))) for server in stage.servers.values()]
        port = free_port()
        command = ["uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(port)]
        api = stage.start("other-api", *command, **through(stage, *relays))
        client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=stage.credential.headers, timeout=60)
        )
        wait_for("the other API answers", lambda: client.get("/health/live").status_code == 200, within=60)
        task_id = stage.enqueue("whereabouts")
        requests: list[Callable[[], httpx.Response]] = [
            lambda: client.post("/tasks/app.tasks.fault_probe.whereabouts"),
            lambda: client.get(f"/tasks/{task_id}"),
        ]

        for number, relay in enumerate(relays):
            # Let each have a connection to lose.
            wait_for("all is well", lambda: all(ask().status_code < 300 for ask in requests), within=30)
            assert relay.cut("server") > 0, number
            answers = [timed(ask) for ask in requests * 2]
            figures(", ".join(f"{answer.status_code} in {seconds:.1f} s" for answer, seconds in answers))
            assert {answer.status_code for answer, _ in answers} <= {200, 202, 503}
            assert max(seconds for _, seconds in answers) < REFUSAL_SECONDS
        wait_for("all is well", lambda: all(ask().status_code < 300 for ask in requests), within=30)
        api.expect_alive()


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_a_database_that_is_silently_gone_is_given_up_after_half_a_minute(stage: Stage) -> None:
    # A relay on this machine confirms what it swallows, which a dead network does not.
    assert stage.script(SILENCE).splitlines()[-2:] == ["1 15 5 3 30000"] * 2


def through(stage: Stage, *relays: Relay) -> dict[str, str]:
    """Return the variables that lead a process to its servers through relays."""
    found = dict(stage.addresses())
    for relay in relays:
        found = {name: relay.address(value) for name, value in found.items()}
    return found


def expect_tasks(stage: Stage, within: float = AGAIN_SECONDS) -> None:
    """Run two tasks."""
    for task_id in [stage.enqueue("whereabouts") for _ in range(2)]:
        stage.api.result(task_id, within=within)
