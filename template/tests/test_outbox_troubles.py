"""The outbox when something is wrong with a job."""

from functools import partial

import pytest

from app.core.database import session
from app.jobs.job import Job
from app.jobs.models import JobRecord
from app.jobs.outbox import publish_pending
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.test_outbox import DESCRIBE, refuse


def test_a_job_that_cannot_be_sent_stops_none_of_the_others(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Job, "publish", refuse)
        with session():
            bad = jobs.push_task(DESCRIBE, "default")
            good = jobs.push_task("tests.tasks.name_organization", "acme", greeting="hello")
    with session() as db:
        row = db.get_one(JobRecord, str(bad.task_id))
        row.message = (row.message or "").replace(DESCRIBE, "no.such.task")

    assert publish_pending() == 1
    assert finished(good.task_id, "acme")["result"] == "hello, acme"
    assert jobs.cancel(bad.task_id, "default") is True


def test_a_job_with_a_key_that_could_not_be_sent_is_sent_later(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = partial(jobs.push_task, "tests.tasks.name_organization", "acme", greeting="hi", idempotency_key="later")
    with monkeypatch.context() as broken:
        broken.setattr(Job, "publish", refuse)
        with pytest.raises(ConnectionRefusedError):
            push()

    again = push()

    assert publish_pending() == 1
    assert finished(again.task_id, "acme")["result"] == "hi, acme"
