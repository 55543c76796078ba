"""Health checks."""

import pytest
from fastapi.testclient import TestClient

from app.core.services import CHECKS
from tests.processes import Lines, until

# What monitors and load balancers ask.
ROUTES = ("/health/live", "/health/ready", "/health/workers")


async def refuse() -> None:
    """Be a service that is down."""
    message = "broker.internal refuses"
    raise ConnectionRefusedError(message)


def test_a_running_process_is_live(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


def test_it_is_ready_when_every_service_answers(client: TestClient, worker: Lines) -> None:
    response = until(lambda: (answer := client.get("/health/ready")).json()["status"] == "ok" and answer)

    assert response.status_code == 200
    assert set(response.json()["checks"]) == set(CHECKS) >= {"broker", "result_backend", "workers"}
    assert client.get("/health/workers").json()["checks"].keys() == {"broker", "workers"}


def test_every_replica_stays_ready_without_a_broker_and_an_alarm_is_raised(
    client: TestClient, worker: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHECKS, "broker", refuse)

    ready, workers = client.get("/health/ready"), client.get("/health/workers")

    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert (workers.status_code, workers.json()["status"]) == (503, "failed")
    for answer in (ready, workers):
        assert answer.json()["checks"]["broker"]["status"] == "failed"
        assert "broker.internal" not in answer.text


def test_a_process_that_cannot_tell_what_became_of_a_task_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHECKS, "result_backend", refuse)

    response = client.get("/health/ready")

    assert (response.status_code, response.json()["status"]) == (503, "failed")
    assert response.json()["checks"]["result_backend"]["status"] == "failed"
    assert response.json()["checks"]["broker"]["status"] == "ok"


def test_a_monitor_may_ask_for_the_status_alone(client: TestClient, worker: Lines) -> None:
    until(lambda: client.get("/health/workers").status_code == 200)

    assert [client.head(path).status_code for path in ROUTES] == [200] * len(ROUTES)
    assert {client.options(path).status_code for path in ROUTES} == {405}
