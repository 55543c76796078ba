"""Queues: which task goes where, and whether somebody is there."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.core.celery import celery_app
from app.core.config.settings import settings
from app.core.queues import QUEUES
from app.jobs import presence, routing
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import Lines, until


@pytest.fixture
def lost() -> Iterator[str]:
    """Return the name of a task whose own queue does not exist."""

    @celery_app.task(name="tests.lost")
    def task() -> None: ...

    vars(celery_app.tasks["tests.lost"])["queue"] = "nowhere"
    yield "tests.lost"
    celery_app.tasks.unregister("tests.lost")


@pytest.mark.parametrize(
    ("task_name", "queue"),
    [("ai.summarize", "ai"), ("datasync.count_words", "datasync"), ("app.tasks.x.y", "default"), ("air", "default")],
)
def test_the_name_of_a_task_leads_it_to_its_queue(task_name: str, queue: str) -> None:
    route = celery_app.amqp.router.route({}, task_name)

    assert (route["queue"].alias, route["queue"].name) == (queue, f"{settings.app.SLUG}.{queue}")


def test_a_task_runs_from_the_queue_that_its_name_leads_to(jobs: JobsService, finished: Wait) -> None:
    info = jobs.push_task("datasync.count_words", "default", text="a b")

    assert info.queue == "datasync"
    assert finished(info.task_id)["result"] == 2


def test_every_registered_task_has_a_queue() -> None:
    celery_app.loader.import_default_modules()

    assert routing.misrouted() == {}
    assert {routing.queue_of(task) for task in celery_app.tasks.values()} <= set(QUEUES)


def test_a_task_whose_queue_does_not_exist_is_reported(lost: str, caplog: pytest.LogCaptureFixture) -> None:
    routing.report()

    assert [record.getMessage() for record in caplog.records] == [
        "tests.lost goes to the queue 'nowhere', which is not in app/core/queues.py"
    ]


def test_a_worker_consumes_every_queue(worker: Lines) -> None:
    until(lambda: presence.unconsumed() == [])


def test_readiness_names_a_queue_that_nobody_consumes(
    client: TestClient, worker: Lines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: presence.unconsumed() == [])
    seen = presence._seen
    monkeypatch.setattr(presence, "_seen", lambda queue: 0.0 if queue == "ai" else seen(queue))

    response = client.get("/health/ready")

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    checks = response.json()["checks"]
    assert {name: check["detail"] for name, check in checks.items() if check["status"] != "ok"} == {
        "workers": "no worker consumes ai"
    }
    assert "no worker consumes ai" in caplog.text
    assert client.get("/health/workers").status_code == 503
