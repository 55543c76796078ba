"""What cannot be processed waits for an operator, who looks, sends it again and deletes it."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest
from kombu.connection import Connection

from tests.boot.client import said
from tests.boot.polling import wait_for
from tests.boot.servers import free_port

from . import outages
from .relay import Relay
from .stage import START_SECONDS, Stage

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "rabbitmq-postgresql")]

SLUG = "demo-project"


@pytest.fixture(autouse=True)
def no_dead_letters(stage: Stage) -> Iterator[None]:
    """Delete what other tests have left, and what this one leaves."""

    def delete() -> None:
        deleted = stage.administer("DELETE", "/dead-letters")
        assert deleted.status_code == 200, said(deleted)

    delete()
    yield
    delete()


def test_a_task_that_failed_for_good_is_sent_again_from_the_command_line(stage: Stage) -> None:
    fixed = stage.path()
    task_id = stage.enqueue("broken", path=fixed)
    assert stage.api.error(task_id) == {"type": "ValueError", "message": "not fixed yet"}
    listed = wait_for("there is a dead letter", lambda: stage.cli("dead-letters", "list"), within=20)
    assert listed.count(task_id) == 1, listed
    shown = json.loads(stage.cli("dead-letters", "show", task_id))
    assert str(fixed) in shown["body"], shown
    assert "not fixed yet" in json.dumps(shown), shown

    fixed.touch()
    assert task_id in stage.cli("dead-letters", "replay", task_id)

    assert stage.api.result(task_id) == "fixed"
    assert stage.cli("dead-letters", "list") == ""


def test_a_task_that_failed_for_good_is_sent_again_and_deleted_over_http(stage: Stage) -> None:
    fixed = stage.path()
    task_id = stage.enqueue("broken", path=fixed)
    hopeless = [stage.enqueue("broken", path=stage.path()) for _ in range(3)]
    for each in [task_id, *hopeless]:
        assert stage.api.error(each)["type"] == "ValueError"
    wait_for("there are four dead letters", lambda: letters(stage) == {task_id, *hopeless}, within=20)
    shown = stage.administer("GET", f"/dead-letters/{task_id}")
    assert shown.status_code == 200, said(shown)
    assert str(fixed) in shown.text, said(shown)

    fixed.touch()
    replayed = stage.administer("POST", f"/dead-letters/{task_id}/replay")
    assert replayed.status_code == 202, said(replayed)
    assert stage.api.result(task_id) == "fixed"

    deleted = stage.administer("DELETE", f"/dead-letters/{hopeless[0]}")
    assert deleted.status_code == 200, said(deleted)
    assert letters(stage) == set(hopeless[1:])
    deleted = stage.administer("DELETE", "/dead-letters")
    assert deleted.status_code == 200, said(deleted)
    assert letters(stage) == set()
    assert stage.administer("GET", f"/dead-letters/{task_id}").status_code == 404


def test_what_no_task_can_be_made_of_is_set_aside(stage: Stage) -> None:
    unknown = str(uuid.uuid4())
    headers = {"id": unknown, "task": "app.tasks.nowhere.nothing", "lang": "py", "argsrepr": "()", "kwargsrepr": "{}"}
    publish(stage, [b"no JSON at all"], {})
    publish(stage, [b"no JSON either"], headers | {"id": str(uuid.uuid4()), "task": "app.tasks.fault_probe.note"})
    publish(stage, [b"[[], {}, {}]"], headers)

    wait_for("all three are set aside", lambda: len(letters(stage)) == 3, within=20)

    stage.api.result(stage.enqueue("note", path=stage.path()))
    reasons = {letter["death"]["reason"] for letter in stage.administer("GET", "/dead-letters").json()}
    assert reasons == {"cannot be decoded", "unknown task"}
    listed = stage.cli("dead-letters", "list")
    assert unknown in listed, listed
    assert "app.tasks.nowhere.nothing" in listed, listed
    stage.cli("dead-letters", "purge", "--yes")
    assert stage.cli("dead-letters", "list") == ""


def test_a_connection_that_breaks_while_somebody_looks_is_told_and_loses_nothing(stage: Stage) -> None:
    task_id = stage.enqueue("broken", path=stage.path())
    wait_for("there is a dead letter", lambda: letters(stage) == {task_id}, within=20)
    with reached_through_a_relay(stage) as (url, relay), ThreadPoolExecutor() as pool:
        relay.delay(0.003, "to_client")
        statuses = set()
        for moment in range(24):
            path = f"/dead-letters/{task_id}" if moment % 2 else "/dead-letters"
            asked = pool.submit(httpx.get, url + path, headers=stage.credential.admin, timeout=20)
            time.sleep(moment * 0.004)
            relay.cut()
            statuses.add(asked.result().status_code)
            wait_for("the letter is back", lambda: letters(stage) == {task_id}, within=20)

    assert statuses <= {200, 503}


def test_a_letter_is_sent_or_has_failed_as_before_when_every_server_goes_away_meanwhile(stage: Stage) -> None:
    task_id = stage.enqueue("broken", path=stage.path())
    wait_for("there is a dead letter", lambda: letters(stage) == {task_id}, within=20)
    with reached_through_relays(stage, *stage.servers) as (url, relays), ThreadPoolExecutor() as pool:
        statuses = set()
        for moment in range(8):
            path = f"{url}/dead-letters/{task_id}/replay"
            asked = pool.submit(httpx.post, path, headers=stage.credential.admin, timeout=60)
            time.sleep(moment * 0.008)
            for relay in relays:
                relay.refuse()
                relay.cut()
            time.sleep(1)
            for relay in relays:
                relay.heal()
            statuses.add(asked.result().status_code)
            # At the worst, it was held just when it could not be given back.
            wait_for("the letter is there", lambda: letters(stage) == {task_id}, within=90)
            stage.expect_one_end(task_id, "ValueError")

    assert statuses <= {202, 503}


def test_a_dead_letter_that_somebody_held_who_vanished_comes_back(stage: Stage) -> None:
    task_id = stage.enqueue("broken", path=stage.path())
    wait_for("there is a dead letter", lambda: letters(stage) == {task_id}, within=20)
    with reached_through_a_relay(stage) as (url, relay), ThreadPoolExecutor() as pool:
        relay.delay(0.25, "to_client")
        path = f"{url}/dead-letters/{task_id}/replay"
        asked = pool.submit(httpx.post, path, headers=stage.credential.admin, timeout=60)
        wait_for("the letter is held", lambda: letters(stage) == set(), within=20, every=0.02)

        relay.drop("to_server", "to_client")

        assert asked.result().status_code == 503
        wait_for("the letter is back", lambda: letters(stage) == {task_id}, within=90)
        stage.expect_one_end(task_id, "ValueError")


def test_dead_letters_outlive_the_broker_while_some_are_deleted(stage: Stage) -> None:
    publish(stage, [b"no JSON %d" % number for number in range(150)], {})
    wait_for("all are set aside", lambda: len(letters(stage)) == 150, within=20)
    expected = letters(stage)
    for _ in range(2):
        for _ in range(15):
            gone = sorted(expected)[len(expected) // 2]
            deleted = stage.administer("DELETE", f"/dead-letters/{gone}")
            assert deleted.status_code == 200, said(deleted)
            expected.remove(gone)

        outages.restart(stage.servers["broker"])

        wait_for("they can be seen", lambda: stage.administer("GET", "/dead-letters").status_code == 200, within=60)
        wait_for("all are there", lambda: letters(stage) == expected, within=20)


@contextmanager
def reached_through_a_relay(stage: Stage) -> Iterator[tuple[str, Relay]]:
    """Start another API process, whose way to the broker can fail; yield its address and the relay."""
    with reached_through_relays(stage, "broker") as (url, [relay]):
        yield url, relay


@contextmanager
def reached_through_relays(stage: Stage, *servers: str) -> Iterator[tuple[str, list[Relay]]]:
    """Start another API process, whose way to these servers can fail; yield its address and the relays."""
    with ExitStack() as stack:
        relays = [stack.enter_context(closing(Relay(stage.servers[server].port))) for server in servers]
        port, addresses = free_port(), dict(stage.addresses())
        for relay in relays:
            addresses = {name: relay.address(address) for name, address in addresses.items()}
        stage.start("beside", "uvicorn", "app.main:app", "--port", str(port), **addresses)
        url = f"http://127.0.0.1:{port}"
        wait_for("the API answers", lambda: httpx.get(f"{url}/health/live").status_code == 200, within=START_SECONDS)
        yield url, relays


def letters(stage: Stage) -> set[str]:
    """Return the id of every dead letter, as an administrator sees them."""
    response = stage.administer("GET", "/dead-letters?limit=1000")
    assert response.status_code == 200, said(response)
    return {letter["id"] for letter in response.json()}


def publish(stage: Stage, bodies: Iterable[bytes], headers: dict[str, str]) -> None:
    """Send messages past the project's own code, as something else on the same broker might."""
    with Connection(stage.environment["CELERY_BROKER_URL"]) as connection:
        producer = connection.Producer()
        for body in bodies:
            producer.publish(
                body,
                exchange=f"{SLUG}.tasks",
                routing_key=f"{SLUG}.default",
                headers=headers,
                content_type="application/json",
                content_encoding="utf-8",
            )
