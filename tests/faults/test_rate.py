"""The rate of an organization holds under load, and is lifted while its store is away."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

import httpx
import pytest

from tests.boot.brokers import Redis
from tests.boot.polling import wait_for
from tests.boot.run import Endpoint
from tests.boot.servers import Server, free_port, password
from tests.boot.supervisor import RUN_VARIABLE

from . import outages
from .relay import Relay
from .running import Figures
from .stage import START_SECONDS, Stage, timed

pytestmark = [pytest.mark.faults, pytest.mark.on("redis")]

ALLOWED = 600
REQUESTS = 1000
CLIENTS = 400
BODY = b'{"user_id": 1, "message": ""}'  # counted, and refused with 422 before anything is sent


@pytest.fixture
def store(stage: Stage) -> Iterator[Redis]:
    """A Redis that counts requests and does nothing else."""
    yield from counting(stage, {stage.variant.account: password()})


@pytest.fixture
def successor(stage: Stage, store: Redis) -> Iterator[Redis]:
    """Another one with the same password."""
    yield from counting(stage, store.accounts)


def counting(stage: Stage, accounts: Mapping[str, str]) -> Iterator[Redis]:
    """Start a Redis, and stop it."""
    place = stage.path("rate")
    place.mkdir(mode=0o711)
    server = Redis(place, accounts, {RUN_VARIABLE: str(stage.run.directory)})
    server.start()
    yield server
    server.stop()


def apis(stage: Stage, how_many: int, store: Server | None = None, relay: Relay | None = None) -> list[int]:
    """Start API processes with a rate, which reach its store perhaps through a relay; return their ports."""
    variables = {"RATE_LIMIT": f"{ALLOWED}/day"}
    if store:
        endpoint = Endpoint(relay.port if relay else store.port, store.accounts)
        variables["RATE_LIMIT_STORAGE_URL"] = stage.variant.redis_url({"redis": endpoint}, 0)
    ports = [free_port() for _ in range(how_many)]
    for number, port in enumerate(ports):
        options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
        stage.start(f"rated-{number}", "uvicorn", "app.main:app", *options, **variables)
    for port in ports:
        address = f"http://127.0.0.1:{port}/health/live"
        wait_for("the API answers", partial(httpx.get, address), within=START_SECONDS)
    return ports


def posted(stage: Stage, ports: list[int], requests: int = REQUESTS, clients: int = CLIENTS) -> dict[int, int]:
    """Post from many clients at once, to each process in turn; return how often each status was the answer."""
    headers = {"Host": "rate", "Connection": "close", "Content-Length": str(len(BODY)), **stage.credential.headers}
    lines = ["POST /notify HTTP/1.1", "Content-Type: application/json", *(f"{k}: {v}" for k, v in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode() + BODY
    left = iter(range(requests))

    async def client() -> list[int]:
        statuses = []
        for number in left:
            reader, writer = await asyncio.open_connection("127.0.0.1", ports[number % len(ports)])
            writer.write(request)
            statuses.append(int((await reader.read())[9:12]))
            writer.close()
        return statuses

    async def all_clients() -> list[list[int]]:
        return await asyncio.gather(*(client() for _ in range(clients)))

    return dict(Counter(status for some in asyncio.run(all_clients()) for status in some))


def test_load_alone_does_not_open_the_rate_that_a_process_counts_for_itself(stage: Stage) -> None:
    assert posted(stage, apis(stage, 1)) == {422: ALLOWED, 429: REQUESTS - ALLOWED}


def test_load_alone_does_not_open_the_rate_that_processes_share(stage: Stage, store: Server) -> None:
    assert posted(stage, apis(stage, 2, store)) == {422: ALLOWED, 429: REQUESTS - ALLOWED}


def test_a_store_that_is_killed_under_load_refuses_nobody_and_counts_again_on_its_return(
    stage: Stage, store: Server, figures: Figures
) -> None:
    nobody_is_refused_while(outages.down, stage, store, figures)


def test_a_store_that_freezes_under_load_refuses_nobody_and_counts_again_on_its_return(
    stage: Stage, store: Server, figures: Figures
) -> None:
    nobody_is_refused_while(outages.frozen, stage, store, figures)


def test_a_store_that_became_a_replica_is_left_for_the_one_that_its_address_leads_to(
    stage: Stage, store: Redis, successor: Redis
) -> None:
    relay = Relay(store.port)
    ports = apis(stage, 1, store, relay)
    assert posted(stage, ports, 10, 1) == {422: 10}

    store.follow(free_port())
    relay.lead_to(successor.port)

    assert posted(stage, ports, 10, 1) == {422: 10}
    wait_for("requests are counted", lambda: 429 in posted(stage, ports, 2 * ALLOWED, 10), within=30)
    relay.close()


def nobody_is_refused_while(outage: outages.Outage, stage: Stage, store: Server, figures: Figures) -> None:
    ports = apis(stage, 1, store)
    assert posted(stage, ports, ALLOWED, 10) == {422: ALLOWED}
    assert posted(stage, ports, 10, 10) == {429: 10}

    with outage(store):
        answers, seconds = timed(lambda: posted(stage, ports, 10, 1))
        under_load = posted(stage, ports)

    figures(f"10 requests in a row answered in {seconds:.1f} s")
    assert answers == {422: 10}
    assert under_load == {422: REQUESTS}
    # A store that was killed has forgotten what it counted.
    wait_for("requests are counted", lambda: 429 in posted(stage, ports, 2 * ALLOWED, 10), within=60)
