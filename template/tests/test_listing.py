"""`GET /tasks`: the jobs of an organization."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs.service import JobsService
from tests.conftest import Wait

NAME = "tests.tasks.listed"


@pytest.fixture(scope="module", autouse=True)
def pushed(migrated: None) -> list[str]:
    """Send a task that no other test sends, five times, and once for another organization."""
    jobs = JobsService()
    jobs.push_task(NAME, "other", number=0, countdown=600)
    return [str(jobs.push_task(NAME, "default", number=number, countdown=600).task_id) for number in range(5)]


def tasks(client: TestClient, **filters: Any) -> dict[str, Any]:
    page: dict[str, Any] = client.get("/tasks", params={"task_name": NAME} | filters).raise_for_status().json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [item["task_id"] for item in page["items"]]


def test_the_newest_come_first_and_nobody_elses(client: TestClient, pushed: list[str]) -> None:
    page = tasks(client)

    assert ids(page) == pushed[::-1]
    assert page["next_cursor"] is None


def test_a_page_says_where_the_next_one_begins(client: TestClient, pushed: list[str]) -> None:
    first = tasks(client, limit=2)
    second = tasks(client, limit=2, cursor=first["next_cursor"])
    third = tasks(client, limit=2, cursor=second["next_cursor"])

    assert ids(first) + ids(second) + ids(third) == pushed[::-1]
    assert third["next_cursor"] is None


def test_they_can_be_chosen_by_status(client: TestClient, jobs: JobsService, pushed: list[str], finished: Wait) -> None:
    jobs.cancel(pushed[1], "default")
    jobs.cancel(pushed[3], "default")

    assert ids(tasks(client, status="REVOKED")) == [pushed[3], pushed[1]]
    assert ids(tasks(client, status="QUEUED")) == [pushed[4], pushed[2], pushed[0]]
    assert ids(tasks(client, status="SUCCESS")) == []


def test_each_says_what_its_record_says(client: TestClient, pushed: list[str]) -> None:
    item = tasks(client, limit=1)["items"][0]

    assert item.pop("created_at").endswith("Z")
    assert item == {
        "task_id": pushed[4],
        "task_name": NAME,
        "queue": "default",
        "status": "QUEUED",
        "attempts": 0,
        "error": None,
        "started_at": None,
        "ended_at": None,
    }


@pytest.mark.parametrize("wrong", [{"cursor": "nonsense"}, {"cursor": "é"}, {"limit": 0}, {"limit": 101}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], client: TestClient) -> None:
    assert client.get("/tasks", params=wrong).status_code == 422
