"""What tasks return and raise: a caller gets it, or an error that names what cannot be had, and never a 5xx."""

from collections.abc import Iterable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.core.outcome import DEEPEST
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.dead_letters import letters
from tests.outcomes import RAISED, REFUSED, RETURNED, nested


@pytest.fixture
def told(jobs: JobsService, client: TestClient, finished: Wait) -> Any:
    """Return a function that runs a task with each of some arguments, and returns what a caller is told of each."""

    def run(task: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        sent = {name: jobs.push_task(f"tests.outcomes.{task}", "default", what=name).task_id for name in names}
        answers = {}
        for name, task_id in sent.items():
            finished(task_id)
            answer = client.get(f"/tasks/{task_id}")
            assert answer.status_code == 200, (name, answer.text)
            stream = client.get(f"/tasks/{task_id}/events")
            assert stream.text.startswith("event: end\n"), (name, stream.text)
            answers[name] = answer.json()
        assert client.get("/tasks").status_code < 500
        return answers

    return run


@pytest.mark.parametrize("task", ["give", "give_later"])
def test_whatever_pydantic_serialises_is_a_result(task: str, told: Any) -> None:
    answers = told(task, RETURNED)

    assert {name: answer["error"] for name, answer in answers.items()} == dict.fromkeys(RETURNED)
    assert {name: answer["result"] for name, answer in answers.items()} == {
        name: expected for name, (_, expected) in RETURNED.items()
    }


def test_what_cannot_be_a_result_is_an_error_that_names_it(told: Any) -> None:
    answers = told("give", REFUSED)

    assert {answer["status"] for answer in answers.values()} == {"FAILURE"}
    assert {answer["error"]["type"] for answer in answers.values()} == {"NotSerializable", "ResultTooLarge"}
    for name, (_, beginning) in REFUSED.items():
        assert answers[name]["error"]["message"].startswith(beginning), answers[name]["error"]["message"][:300]


@pytest.mark.parametrize("task", ["fail", "fail_later"])
@pytest.mark.usefixtures("no_dead_letters")
def test_an_error_keeps_its_name_and_its_message(task: str, told: Any, admin_client: TestClient) -> None:
    answers = told(task, RAISED)

    assert {name: answer["error"]["type"] for name, answer in answers.items()} == {
        name: expected for name, (_, expected, _) in RAISED.items()
    }
    for name, (_, _, beginning) in RAISED.items():
        assert answers[name]["error"]["message"].startswith(beginning[:10_000]), name
    if task == "fail":
        found = {letter.id: letter.death.error for letter in letters(len(RAISED))}
        assert {error.type for error in found.values() if error} == {expected for _, expected, _ in RAISED.values()}
        assert admin_client.get("/dead-letters").status_code == 200


def test_an_error_keeps_its_name_when_it_is_tried_again(told: Any) -> None:
    names = ["a constructor of its own", "base classes", "a class in a function", "no pickle"]

    answers = told("fail_again", names)

    assert {name: answer["error"]["type"] for name, answer in answers.items()} == {
        name: RAISED[name][1] for name in names
    }


def test_the_result_backend_alone_knows_the_error_as_well(told: Any) -> None:
    for name, answer in told("fail", RAISED).items():
        error = celery_app.backend.get_task_meta(answer["task_id"], cache=False)["result"]
        assert type(error).__name__ == RAISED[name][1]
        assert len(error.args) == 0 or len(str(error.args)) < 50_000


def test_models_are_passed_on_from_task_to_task(jobs: JobsService, finished: Wait) -> None:
    ended = finished(jobs.push_task("tests.outcomes.go_on", "default").task_id)

    assert ended["error"] is None
    assert ended["result"] == ["Item", "datetime", "Item", "str"]


def test_what_nobody_asks_for_may_be_anything(finished: Wait, jobs: JobsService) -> None:
    assert finished(jobs.push_task("tests.outcomes.give_for_nobody", "default").task_id)["status"] == "SUCCESS"


def test_a_progress_that_cannot_be_told_is_an_error_that_names_it(jobs: JobsService, finished: Wait) -> None:
    error = finished(jobs.push_task("tests.outcomes.report", "default").task_id)["error"]

    assert error == {"type": "NotSerializable", "message": "meta.total (float) is nan, which JSON does not have"}


def test_the_deepest_result_is_shown(client: TestClient, jobs: JobsService) -> None:
    waiting = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id
    celery_app.backend.store_result(str(waiting), nested(DEEPEST), "SUCCESS")

    assert client.get(f"/tasks/{waiting}").json()["result"] == nested(DEEPEST)
    assert client.get(f"/tasks/{waiting}/events").text.startswith("event: end\n")


def test_an_argument_that_json_does_not_have_is_refused(jobs: JobsService) -> None:
    with pytest.raises(ValueError, match=r"arguments\.anything\[0\] \(float\) is nan"):
        jobs.push_task("tests.tasks.take_anything", "default", anything=[float("nan")])
