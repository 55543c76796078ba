"""The record of each job: what the database says about it, also when its result has expired."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import delete, update

from app.core.celery import celery_app
from app.core.config.settings import settings
from app.core.database import session
from app.jobs import dead_letters, records
from app.jobs.models import JobRecord
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import until


def record(task_id: object) -> JobRecord:
    with session() as db:
        return db.get_one(JobRecord, str(task_id))


def change(task_id: str, **values: Any) -> None:
    with session() as db:
        db.execute(update(JobRecord).where(JobRecord.id == task_id).values(**values))


def test_a_success_is_recorded_from_its_beginning_to_its_end(jobs: JobsService, finished: Wait) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "acme").task_id
    finished(task_id, "acme")
    until(lambda: record(task_id).status == "SUCCESS")

    found = record(task_id)

    assert (found.organization_id, found.task_name, found.queue) == ("acme", "tests.tasks.describe", "default")
    assert (found.attempts, found.error_type, found.message) == (1, None, None)
    assert found.published_at
    assert found.started_at
    assert found.ended_at
    assert found.created_at <= found.started_at <= found.ended_at


def test_a_failure_is_recorded_after_each_try(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task_id = jobs.push_task("tests.tasks.fail_twice", "default", gate=str(gate)).task_id

    until(lambda: record(task_id).status == "RETRY")
    assert (record(task_id).attempts, record(task_id).error_message, record(task_id).ended_at) == (1, "attempt 1", None)
    gate.touch()
    finished(task_id)

    until(lambda: record(task_id).status == "FAILURE")
    found = record(task_id)
    assert (found.attempts, found.error_type, found.error_message) == (2, "ConnectionError", "attempt 2")
    assert found.ended_at


def test_a_cancelled_job_is_recorded(jobs: JobsService) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id
    jobs.cancel(task_id, "default")

    assert (record(task_id).status, record(task_id).attempts) == ("REVOKED", 0)
    assert record(task_id).ended_at


def test_a_job_that_had_ended_when_it_was_cancelled_has_ended(
    jobs: JobsService, client: TestClient, finished: Wait
) -> None:
    task_id = str(jobs.push_task("tests.tasks.describe", "default").task_id)
    finished(task_id)
    until(lambda: record(task_id).status == "SUCCESS")
    # Between its result and its record there is a moment.
    change(task_id, status="STARTED", ended_at=None)

    assert client.delete(f"/tasks/{task_id}").status_code == 409
    assert client.get(f"/tasks/{task_id}").json()["status"] == record(task_id).status == "SUCCESS"


def test_a_run_whose_start_was_noted_and_not_confirmed_goes_on(jobs: JobsService) -> None:
    task_id = str(jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id)
    first, second = datetime.now(UTC), datetime.now(UTC) + timedelta(microseconds=1)

    assert [records.start(task_id, first, again=False) for _ in range(2)] == [None, None]
    assert record(task_id).attempts == 1
    assert records.start(task_id, second, again=False) == "STARTED"
    assert [records.start(task_id, second, again=True) for _ in range(2)] == [None, None]
    assert record(task_id).attempts == 2
    jobs.cancel(task_id, "default")
    assert records.start(task_id, second, again=True) == "REVOKED"


def test_a_job_whose_record_is_gone_does_not_run_and_is_kept(
    jobs: JobsService, no_dead_letters: None, finished: Wait, tmp_path: Path
) -> None:
    path = tmp_path / "path"
    task_id = str(jobs.push_task("tests.tasks.leave", "default", path=str(path), countdown=1).task_id)
    with session() as db:
        db.execute(delete(JobRecord).where(JobRecord.id == task_id))

    letter = until(lambda: next(iter(dead_letters.list_dead_letters()), None))

    assert (letter.id, letter.task_name) == (task_id, "tests.tasks.leave")
    assert not path.exists()
    dead_letters.replay(task_id)
    assert finished(task_id)["status"] == "SUCCESS"


def test_a_cancelled_job_is_on_record_until_its_time_has_come(jobs: JobsService) -> None:
    early, late = (str(jobs.push_task("tests.tasks.describe", "default", countdown=60).task_id) for _ in range(2))
    long_ago = datetime.now(UTC) - timedelta(seconds=settings.celery.CELERY_RESULT_EXPIRES + 60)
    for task_id, eta in ((early, long_ago), (late, record(late).eta)):
        jobs.cancel(task_id, "default")
        change(task_id, ended_at=long_ago, eta=eta)

    records.purge(None)

    with session() as db:
        assert db.get(JobRecord, early) is None
    assert records.start(late, datetime.now(UTC), again=False) == "REVOKED"


def test_a_job_that_was_killed_by_its_time_limit_is_recorded(jobs: JobsService, finished: Wait) -> None:
    task_id = jobs.push_task("tests.tasks.hang", "default").task_id
    finished(task_id)

    until(lambda: record(task_id).status == "FAILURE")
    assert record(task_id).error_type == "TimeLimitExceeded"


def test_a_failure_is_known_without_its_result(jobs: JobsService, client: TestClient, finished: Wait) -> None:
    task_id = str(jobs.push_task("app.tasks.example_task.fetch_numbers", "default", count=-1).task_id)
    finished(task_id)
    until(lambda: record(task_id).status == "FAILURE")

    celery_app.backend.forget(task_id)

    status = client.get(f"/tasks/{task_id}").json()
    assert status["status"] == "FAILURE"
    assert status["error"] == {"type": "ValueError", "message": "count must be between 0 and 1000"}


def test_a_record_goes_when_its_result_has_expired(jobs: JobsService, finished: Wait) -> None:
    old, young, waiting = (str(jobs.push_task("tests.tasks.describe", "default").task_id) for _ in range(3))
    for task_id in (old, young, waiting):
        finished(task_id)
    long_ago = datetime.now(UTC) - timedelta(seconds=settings.celery.CELERY_RESULT_EXPIRES + 60)
    with session() as db:
        db.execute(update(JobRecord).where(JobRecord.id == old).values(ended_at=long_ago))
        db.execute(update(JobRecord).where(JobRecord.id == waiting).values(created_at=long_ago, ended_at=None))

    records.purge(None)

    with session() as db:
        assert [db.get(JobRecord, task_id) is None for task_id in (old, young, waiting)] == [True, False, False]


def test_two_jobs_do_not_share_an_id(jobs: JobsService) -> None:
    key = str(uuid4())

    first, again = (jobs.push_task("tests.tasks.describe", "default", idempotency_key=key) for _ in range(2))

    assert first == again
    assert record(first.task_id).digest


# What every database takes.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=16)


@examples(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from(["SUCCESS", "FAILURE", "REVOKED", "RETRY", "QUEUED"]) | TEXTS,
    error_type=st.none() | TEXTS,
    error_message=st.none() | TEXTS,
    attempts=st.integers(-(2**31), 2**31 - 1),
    ended_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_whatever_a_record_says_it_is_shown(client: TestClient, jobs: JobsService, **values: Any) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default", countdown=600).task_id
    change(str(task_id), **values)

    assert client.get(f"/tasks/{task_id}").status_code == 200
    assert client.get("/tasks", params={"limit": 5}).status_code == 200
    if values["status"] in {"SUCCESS", "FAILURE", "REVOKED"}:
        assert client.get(f"/tasks/{task_id}/events").text.startswith("event: end\n")
    change(str(task_id), status="REVOKED")
