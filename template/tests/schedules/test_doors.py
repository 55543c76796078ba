"""Schedules through the API, which is for administrators, and the command line, which is for operators."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli import cli
from app.schedules.store import store
from app.schedules.sync import synchronise
from tests.conftest import Wait
from tests.schedules.conftest import DESCRIBE, Add

SCHEDULES = "/schedules"
HOURLY: dict[str, Any] = {"task": DESCRIBE, "when": {"every": 3600}}

# What is wrong, and what the answer names.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"task": "no.such.task"}, "no task is registered as 'no.such.task'"),
    ({"kwargs": {"surprise": 1}}, "surprise"),
    ({"kwargs": []}, "kwargs"),
    ({"when": {"crontab": "0 0 31 2 *"}}, "never occurs in month"),
    ({"when": {"at": "2020-01-01T00:00:00Z"}}, "it would never run"),
    ({"ends_at": "2020-01-01T00:00:00Z"}, "it would never run"),
    ({"queue": "nowhere"}, "queue: 'nowhere' is not one of"),
    ({"priority": 10}, "priority"),
    ({"organization_id": "no organization"}, "organization_id"),
]


def app(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it says."""
    result = CliRunner().invoke(cli, ["schedules", *arguments])
    return result.exit_code, result.output


def test_the_api_adds_shows_edits_and_removes(admin_client: TestClient) -> None:
    added = admin_client.post(SCHEDULES, json={"name": "my report", **HOURLY})

    assert added.status_code == 201, added.text
    assert added.json()["state"] == "active"
    assert admin_client.get(SCHEDULES).json() == [added.json()]
    assert admin_client.get(f"{SCHEDULES}/my report").json() == added.json()
    edited = admin_client.put(f"{SCHEDULES}/my report", json=HOURLY | {"priority": 3}).json()
    assert edited["schedule"] == added.json()["schedule"] | {"priority": 3}
    assert edited["next_run"] == added.json()["next_run"]
    assert admin_client.post(f"{SCHEDULES}/my report/disable").json()["state"] == "disabled"
    assert admin_client.post(f"{SCHEDULES}/my report/enable").json()["state"] == "active"
    assert admin_client.delete(f"{SCHEDULES}/my report").status_code == 204
    assert admin_client.get(SCHEDULES).json() == []


def test_a_run_can_be_asked_for(admin_client: TestClient, add: Add, finished: Wait) -> None:
    add("report")
    response = admin_client.post(f"{SCHEDULES}/report/run")

    assert response.status_code == 202
    assert finished(response.json()["task_id"])["status"] == "SUCCESS"
    shown = admin_client.get(f"{SCHEDULES}/report").json()
    assert shown["last_task_id"] == response.json()["task_id"]
    assert datetime.fromisoformat(shown["last_run"]) > datetime.now(UTC) - timedelta(minutes=1)


def test_the_api_serves_nobody_else(client: TestClient, stranger: TestClient) -> None:
    for method, path in [("GET", ""), ("GET", "/a"), ("DELETE", "/a"), ("POST", "/a/run"), ("POST", "/a/enable")]:
        assert client.request(method, f"{SCHEDULES}{path}").status_code == 403
        assert stranger.request(method, f"{SCHEDULES}{path}").status_code in range(400, 404)
    assert client.post(SCHEDULES, json={"name": "a", **HOURLY}).status_code == 403


@pytest.mark.parametrize(("wrong", "problem"), WRONG)
def test_what_cannot_run_is_refused(wrong: dict[str, Any], problem: str, admin_client: TestClient, add: Add) -> None:
    add("report")
    added = admin_client.post(SCHEDULES, json={"name": "bad", **HOURLY, **wrong})
    edited = admin_client.put(f"{SCHEDULES}/report", json=HOURLY | wrong)

    assert (added.status_code, edited.status_code) == (422, 422)
    assert problem in json.dumps(added.json(), ensure_ascii=False)
    assert store.read().schedules.keys() == {"report"}


def test_what_is_not_there_is_not_found_and_what_is_there_is_not_added(admin_client: TestClient, add: Add) -> None:
    add("report")

    assert admin_client.post(SCHEDULES, json={"name": "report", **HOURLY}).status_code == 409
    assert admin_client.put(f"{SCHEDULES}/nothing", json=HOURLY).status_code == 404
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/run"), ("POST", "/enable"), ("POST", "/disable")]:
        assert admin_client.request(method, f"{SCHEDULES}/nothing{path}").status_code == 404


def test_an_entry_of_the_code_is_disabled_and_not_removed(admin_client: TestClient, add: Add) -> None:
    synchronise({"report": add("template").schedule})  # type: ignore[dict-item]

    refused = admin_client.delete(f"{SCHEDULES}/report")

    assert refused.status_code == 409
    assert refused.json()["detail"].endswith("disable it instead.")


def test_what_is_set_aside_can_be_seen_edited_and_removed(admin_client: TestClient) -> None:
    store.write("broken", None, "{")

    shown = admin_client.get(f"{SCHEDULES}/broken").json()
    assert (shown["state"], shown["schedule"]) == ("set aside", "{")
    assert admin_client.post(f"{SCHEDULES}/broken/run").status_code == 409
    assert admin_client.post(f"{SCHEDULES}/broken/enable").status_code == 409
    assert admin_client.put(f"{SCHEDULES}/broken", json=HOURLY).json()["state"] == "active"
    assert admin_client.delete(f"{SCHEDULES}/broken").status_code == 204


def test_the_command_line_serves_operators(finished: Wait) -> None:
    code, told = app("add", "report", "--task", "tests.tasks.name_organization", "--crontab", "30 7 * * mon-fri",
                     "--timezone", "Europe/Berlin", "--kwargs", '{"greeting": "hi"}', "--queue", "ai")  # fmt: skip
    assert (code, told.startswith("Added report; it runs next at ")) == (0, True), told

    code, listed = app("list")
    assert (code, listed.startswith("report  active  next ")) == (0, True), listed
    assert app("edit", "report", "--timezone", "Asia/Tokyo", "--queue", "", "--missed", "skip")[0] == 0
    shown = json.loads(app("show", "report")[1])["schedule"]
    assert shown["when"] == {"crontab": "30 7 * * mon-fri", "timezone": "Asia/Tokyo"}
    assert (shown["queue"], shown["missed"], shown["kwargs"]) == (None, "skip", {"greeting": "hi"})
    assert app("edit", "report", "--every", "60")[0] == 0
    assert json.loads(app("show", "report")[1])["schedule"]["when"] == {"every": 60.0}

    code, told = app("run", "report")
    assert finished(told.split()[-1].rstrip("."))["result"] == "hi, default"
    assert app("disable", "report") == (0, "Disabled report.\n")
    assert app("enable", "report")[1].startswith("Enabled report; it runs next at ")
    assert app("remove", "report") == (0, "Removed report.\n")
    assert app("list") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("show", "nothing"), "there is no schedule `nothing`; `app schedules list` shows them."),
        (("run", "nothing"), "there is no schedule `nothing`; `app schedules list` shows them."),
        (("edit", "nothing", "--every", "9"), "there is no schedule `nothing`; `app schedules list` shows them."),
        (("add", "a", "--task", "no.such.task", "--every", "9"), "no task is registered as 'no.such.task'."),
        (("add", "a", "--task", DESCRIBE), "when: Field required."),
        (
            ("add", "a", "--task", DESCRIBE, "--crontab", "0 0 31 2 *"),
            "when.crontab: Invalid crontab: day_of_month '31' never occurs in month_of_year '2'.\n",
        ),
        (("add", "a", "--task", DESCRIBE, "--every", "9", "--kwargs", "{"), "--kwargs is not JSON: "),
    ],
)
def test_the_command_line_says_what_is_wrong(arguments: tuple[str, ...], problem: str) -> None:
    code, told = app(*arguments)

    assert code == 1
    assert told.startswith(f"error: {problem}"), told
