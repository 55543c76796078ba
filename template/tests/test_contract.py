"""The API keeps to what it says of itself: whatever is asked, the answer is one that OpenAPI describes."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core import health
from app.core.config.settings import settings as configured
from app.jobs import routes
from app.jobs.service import JobsService
from app.main import app
from app.tasks.example_task import send_notification
from tests import credentials
from tests.processes import Lines, serving, until

NOTIFICATION = f"/tasks/{send_notification.name}"
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The routes that came with the project, wherever `app/api.py` has put them; a team has tests of its own for the others.
ours = FastAPI()
ours.include_router(health.router)
ours.include_router(routes.router)
OURS = tuple(ours.openapi()["paths"])
# Tasks of the tests wait for files, and kill their processes.
API = (
    schemathesis.openapi.from_dict(app.openapi())
    .include(lambda context: context.operation.path.endswith(OURS))
    .exclude(path_regex=r"/tasks/tests\.tasks\.")
)


@pytest.fixture(scope="module")
def address(worker: Lines) -> Iterator[str]:
    """Run a server that lets more requests in than an organization may make, once every service is healthy."""
    with serving(RATE_LIMIT="100000/second") as server:
        until(lambda: server.get("/health/workers").status_code == 200)
        yield str(server.base_url)


@API.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_api_describes(case: schemathesis.Case[Any], address: str) -> None:
    for headers in ({}, credentials.most()):
        case.call_and_validate(address, headers=headers, checks=CHECKS)


NOTIFY = "/notify"
LONGEST = configured.limits.MAX_BODY_BYTES
JSON = {"Content-Type": "application/json"}
ERRORS: dict[str, tuple[int, Callable[[TestClient], Response]]] = {
    "a path that is none": (404, lambda api: api.get("/nothing/here")),
    "a task that is unknown": (404, lambda api: api.get(f"/tasks/{uuid4()}")),
    "the events of a task that is unknown": (404, lambda api: api.get(f"/tasks/{uuid4()}/events")),
    "a task that nobody may send": (404, lambda api: api.post("/tasks/nothing", json={})),
    "another method": (405, lambda api: api.put(NOTIFY)),
    "a body that is too long": (413, lambda api: api.post(NOTIFY, content=b" " * (LONGEST + 1), headers=JSON)),
    "a body that turns out too long": (413, lambda api: api.post(NOTIFY, content=iter([b" "] * (LONGEST + 1)))),
    "a body that no route reads": (413, lambda api: api.post("/nothing/here", content=b" " * (LONGEST + 1))),
    "a text in no encoding": (400, lambda api: api.post(NOTIFY, content=b'"\xff"', headers=JSON)),
    "arguments that are too long": (
        413,
        lambda api: api.post(NOTIFY, json={"user_id": 1, "message": "\N{GRINNING FACE}" * 9_999}),
    ),
}


@pytest.mark.parametrize(("status", "ask"), ERRORS.values(), ids=list(ERRORS))
def test_every_error_has_the_same_form(status: int, ask: Callable[[TestClient], Response], client: TestClient) -> None:
    response = ask(client)

    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    assert isinstance(response.json()["detail"], str)
    assert response.headers["X-Request-ID"]


def test_what_is_unprocessable_is_always_a_list(client: TestClient) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    client.post(NOTIFICATION, json={"user_id": 1, "message": "x"}, headers=headers)

    answers = [
        client.post(NOTIFY, json={}),
        client.post(NOTIFY, content="{", headers=JSON),
        client.get("/tasks/none"),
        client.post(NOTIFICATION, json={"user_id": 2, "message": "x"}, headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {422}
    assert all({"type", "loc", "msg"} == set(problem) for answer in answers for problem in answer.json()["detail"])


def test_a_mistake_in_the_code_is_an_error_like_any_other(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(JobsService, "get_task_status", fail)
    other = TestClient(app, headers=credentials.headers("default"), raise_server_exceptions=False)
    other.portal = client.portal

    response = other.get(f"/tasks/{uuid4()}")

    assert (response.status_code, response.json()) == (500, {"detail": "Internal Server Error"})
    assert response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "no-store"
