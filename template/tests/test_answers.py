"""Answers: what all of them say, and what none of them does."""

import pytest
from fastapi.testclient import TestClient

from app.jobs.service import JobsService

PATHS = ["/notify", "/tasks", "/tasks/x", "/dead-letters", "/health/live", "/docs", "/redoc", "/openapi.json", "/none"]


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_repeats_the_host_that_the_caller_has_named(path: str, client: TestClient) -> None:
    for address in (path, f"{path}/", f"/{path}", f"{path}//"):
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            answer = client.request(method, address, headers={"Host": "evil.example"}, follow_redirects=False)

            assert "evil.example" not in f"{answer.headers} {answer.text}"
            assert not answer.has_redirect_location, address


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_is_kept_in_a_cache_or_taken_for_something_else(
    path: str, client: TestClient, stranger: TestClient
) -> None:
    for answer in (client.get(path), client.post(path, json={}), stranger.get(path)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_neither_is_a_stream_of_events(client: TestClient, jobs: JobsService) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id
    jobs.cancel(task_id, "default")

    assert client.get(f"/tasks/{task_id}/events").headers["Cache-Control"] == "no-store"


def test_the_api_describes_itself_where_nobody_but_its_developers_is(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 200
