"""The API as proxies and browsers see it: a server in a process of its own."""

import json
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client
from pydantic import ValidationError

from app.core.config.base import explain
from app.core.config.http import HttpSettings
from app.tasks.example_task import send_notification
from tests import credentials
from tests.conftest import same_api
from tests.processes import serving

PAGE = "https://app.example.com"
ASKS = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,authorization,idempotency-key",
}
SEND = f"/tasks/{send_notification.name}"
BODY = {"user_id": 1, "message": "x"}
LATER = {"X-Forwarded-Prefix": "/svc"}


@pytest.fixture(scope="module")
def server(client: TestClient) -> Iterator[Client]:
    """Run a server that believes its proxy, and lets one page in."""
    with serving(FORWARDED_ALLOW_IPS="127.0.0.1", CORS_ORIGINS=PAGE) as served:
        yield served


@pytest.fixture(scope="module")
def mounted(client: TestClient) -> Iterator[Client]:
    """Run a server behind a proxy that takes a prefix away, which nobody may call from a page."""
    with serving("--root-path", "/mnt", FORWARDED_ALLOW_IPS="") as served:
        yield served


def leads_to_the_task(client: Client | TestClient, taken: str, path: str, **headers: str) -> None:
    """Send a task through a proxy that takes a prefix off, and follow the answer."""
    sent = client.post(path, json=BODY, headers=headers)
    assert sent.status_code == 202, sent.text
    seen = urljoin(taken + path, sent.headers["Location"])
    assert seen == f"{taken}{path.rpartition('/')[0]}/{sent.json()['task_id']}"
    assert client.get(seen.removeprefix(taken), headers=headers).json()["task_id"] == sent.json()["task_id"]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_an_accepted_task_is_where_the_answer_says(prefix: str, server: Client, mounted: Client) -> None:
    leads_to_the_task(server, "", f"{prefix}{SEND}")
    leads_to_the_task(server, "/svc", f"{prefix}{SEND}", **LATER)
    leads_to_the_task(mounted, "/mnt", f"{prefix}{SEND}")
    leads_to_the_task(mounted, "/mnt", f"{prefix}{SEND}", **LATER)


def test_so_it_is_where_the_test_client_is_told_of_a_prefix(client: TestClient) -> None:
    app = same_api(client, credentials.headers("default")).app

    leads_to_the_task(TestClient(app, root_path="/svc", headers=credentials.headers("default")), "/svc", SEND)


def test_the_description_is_found_behind_a_prefix(server: Client, mounted: Client) -> None:
    assert "'/svc/openapi.json'" in server.get("/docs", headers=LATER).text
    assert server.get("/openapi.json", headers=LATER).json()["servers"] == [{"url": "/svc"}]
    assert mounted.get("/openapi.json").json()["servers"] == [{"url": "/mnt"}]
    assert "servers" not in server.get("/openapi.json").json()


@pytest.mark.parametrize("prefix", ["//evil.example", "https://evil.example", "/a/../b?", "/a b", "svc", "/" * 9])
def test_a_prefix_leads_to_no_other_host(prefix: str, server: Client) -> None:
    sent = server.post(SEND, json=BODY, headers={"X-Forwarded-Prefix": prefix})

    assert sent.headers["Location"] == f"/tasks/{sent.json()['task_id']}"


def test_a_proxy_is_believed_when_it_is_named(server: Client, mounted: Client) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}

    assert server.get("/caller", headers=forwarded).json() == {"scheme": "https", "host": "203.0.113.7"}
    assert mounted.get("/caller", headers=forwarded).json() == {"scheme": "http", "host": "127.0.0.1"}
    # A slash too many is no way to anywhere, least of all from https to http.
    assert server.post(f"{SEND}/", json={}, headers=forwarded).status_code == 404


def test_a_page_that_is_named_may_call_the_api_and_read_every_answer(server: Client) -> None:
    allowed = server.options("/notify", headers=ASKS)
    known = [
        server.post(SEND, json=BODY, headers={"Origin": PAGE}),
        server.post("/notify", json={}, headers={"Origin": PAGE}),
        server.get("/nothing/here", headers={"Origin": PAGE}),
        # After an error the server ends the connection.
        server.get("/mistake", headers={"Origin": PAGE, "Connection": "close"}),
    ]

    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert allowed.headers["Access-Control-Allow-Headers"] == ASKS["Access-Control-Request-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert [answer.status_code for answer in known] == [202, 422, 404, 500]
    for answer in known:
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert {"Location", "Retry-After", "X-Request-ID"} <= {
            name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")
        }


def test_what_a_page_asks_beforehand_costs_nobody_anything(server: Client) -> None:
    server.headers = {}  # as a browser asks: without credentials

    assert {server.options(path, headers=ASKS).status_code for path in [SEND] * 3} == {200}

    server.headers = credentials.headers("default")


def test_no_other_page_may(server: Client, mounted: Client) -> None:
    for asked, origin in ((server, "https://evil.example"), (server, "http://app.example.com"), (mounted, PAGE)):
        for answer in (
            asked.options("/notify", headers=ASKS | {"Origin": origin}),
            asked.get("/health/live", headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ()),
        ("*", ("*",)),
        (f"{PAGE}, http://localhost:3000 ,", (PAGE, "http://localhost:3000")),
        (json.dumps([PAGE, "http://[::1]:8080"]), (PAGE, "http://[::1]:8080")),
        ("HTTPS://App.Example.com:443", (PAGE,)),
        ("http://a_b:80,capacitor://localhost", ("http://a_b", "capacitor://localhost")),
    ],
)
def test_origins_are_written_with_commas_or_as_json(
    written: str, meant: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", written)

    assert meant == HttpSettings().CORS_ORIGINS


@pytest.mark.parametrize(
    "written",
    [
        "app.example.com",
        f"{PAGE}/",
        f"{PAGE}/path",
        "https://",
        "null",
        "https://*.example.com",
        "https://user@host",
        "https://bücher.example",
        "https://a:port",
        "https://a b",
        f"*,{PAGE}",
        '["x"',
        "[1]",
    ],
)
def test_what_is_no_origin_is_refused_in_a_sentence(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", written)

    with pytest.raises(ValidationError) as refused:
        HttpSettings()

    assert explain(refused.value).startswith("error: CORS_ORIGINS: ")
    assert "Set it in the environment or in .env" in explain(refused.value)
