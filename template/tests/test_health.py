"""Health checks."""

import pytest
from fastapi.testclient import TestClient

from app.core.services import CHECKS
from tests.processes import Lines, until


def test_a_running_process_is_live(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


def test_it_is_ready_when_every_service_answers(client: TestClient, worker: Lines) -> None:
    response = until(lambda: (answer := client.get("/health/ready")).status_code == 200 and answer)

    assert response.json()["status"] == "ok"
    assert set(response.json()["checks"]) == set(CHECKS) >= {"broker", "result_backend", "workers"}


def test_it_names_the_service_that_is_missing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> None:
        raise ConnectionRefusedError

    monkeypatch.setitem(CHECKS, "broker", refuse)

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["checks"]["broker"]["status"] == "failed"
    assert response.json()["checks"]["result_backend"]["status"] == "ok"
