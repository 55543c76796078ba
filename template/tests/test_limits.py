"""Limits: how often and how much."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.core import limits
from app.core.config.limits import LimitSettings
from app.core.config.settings import settings

NOTIFICATION = {"user_id": 1, "message": ""}  # refused as well, so that nothing is sent


@pytest.fixture
def rate(monkeypatch: pytest.MonkeyPatch) -> limits.Rate:
    """Allow two requests a minute."""
    rate = limits.Rate("2/minute", "memory://")
    monkeypatch.setattr(limits, "rate", rate)
    return rate


def statuses(client: TestClient, times: int) -> list[int]:
    return [client.post("/notify", json=NOTIFICATION).status_code for _ in range(times)]


def test_more_requests_than_the_rate_allows_are_told_when_to_come_back(client: TestClient, rate: limits.Rate) -> None:
    assert statuses(client, 2) == [422, 422]

    refused = client.post("/notify", json=NOTIFICATION)

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_every_route_that_enqueues_counts(client: TestClient, rate: limits.Rate) -> None:
    assert statuses(client, 2) == [422, 422]
    assert client.post("/tasks/app.tasks.example_task.fetch_numbers", json={"count": 1}).status_code == 429


def test_an_organization_does_not_spend_what_is_anothers(
    client: TestClient, other_client: TestClient, rate: limits.Rate
) -> None:
    assert statuses(client, 3) == [422, 422, 429]
    assert statuses(other_client, 3) == [422, 422, 429]


def test_a_store_that_is_down_refuses_nobody_and_is_asked_by_no_request(
    client: TestClient, rate: limits.Rate, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def hit(*names: object) -> bool:
        asked.append(names)
        raise ConnectionRefusedError

    monkeypatch.setattr(rate.limiter, "hit", hit)

    assert statuses(client, 5) == [422] * 5
    assert len([names for names in asked if "default" in names]) == 1


def test_one_late_answer_does_not_lift_the_limit(
    client: TestClient, rate: limits.Rate, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_time, answers = rate.limiter.hit, iter([TimeoutError])

    def hit(*names: Any) -> bool:
        for late in answers:
            raise late
        return in_time(*names)

    assert statuses(client, 2) == [422, 422]
    monkeypatch.setattr(rate.limiter, "hit", hit)

    assert statuses(client, 2) == [422, 429]


def test_a_call_that_never_returns_holds_nobody_for_good(
    client: TestClient, rate: limits.Rate, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = Event()
    monkeypatch.setattr(limits, "PATIENCE", 0.1)
    monkeypatch.setattr(rate, "threads", ThreadPoolExecutor(1))
    monkeypatch.setattr(rate.limiter, "hit", lambda *_: never.wait())

    try:
        assert statuses(client, 3) == [422] * 3
    finally:
        never.set()


def test_a_body_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.post("/notify", content=b" " * (settings.limits.MAX_BODY_BYTES + 1)).status_code == 413


def test_a_body_of_unknown_length_is_counted_while_it_comes(client: TestClient) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            sent.append(number)
            yield b" " * (settings.limits.MAX_BODY_BYTES // 10)

    assert client.post("/notify", content=chunks()).status_code == 413


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMIT", "often"),
        ("RATE_LIMIT", "0/minute"),
        ("RATE_LIMIT", "1/second;9/minute"),
        ("RATE_LIMIT_STORAGE_URL", "memory"),
        ("MAX_BODY_BYTES", "0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name):
        LimitSettings()


def test_a_url_means_the_same_with_and_without_async_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URL", "async+memory://")

    assert LimitSettings().RATE_LIMIT_STORAGE_URL == "memory://"


def test_a_store_that_nobody_knows_is_refused_in_a_sentence_without_its_url() -> None:
    with pytest.raises(SystemExit, match="RATE_LIMIT_STORAGE_URL names") as refused:
        limits.Rate("1/minute", "nothing://user:hunter2@localhost")

    assert "hunter2" not in str(refused.value)
