"""The outbox when something is wrong with a job."""

from datetime import timedelta
from functools import partial

import pytest

from app.core.database import session
from app.core.services import SentLater
from app.jobs import outbox
from app.jobs.models import JobRecord
from app.jobs.outbox import publish_pending
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.test_outbox import DESCRIBE, take_the_broker_away


def test_jobs_that_cannot_be_sent_stop_none_of_the_others(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with session():
            bad = [str(jobs.push_task(DESCRIBE, "default").task_id) for _ in range(outbox.BATCH)]
        with session():
            good = jobs.push_task("tests.tasks.name_organization", "acme", greeting="hello")
    with session() as db:
        for task_id in bad:
            row = db.get_one(JobRecord, task_id)
            row.message = (row.message or "").replace(DESCRIBE, "no.such.task")

    # They are the oldest, and as many as are looked at together.
    assert publish_pending() == outbox.BATCH
    assert publish_pending() == 1
    assert finished(good.task_id, "acme")["result"] == "hello, acme"
    assert publish_pending() == 0
    assert all(jobs.cancel(task_id, "default") for task_id in bad)


def test_a_job_that_could_not_be_sent_is_tried_again(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        broken.setattr(outbox, "reach_broker", lambda: None)  # it does not take this one
        with session():
            task_id = str(jobs.push_task(DESCRIBE, "default").task_id)
    with session() as db:
        waiting = db.get_one(JobRecord, task_id)
        assert waiting.retry_at
        waiting.retry_at = waiting.created_at

    assert publish_pending() == 1
    assert finished(task_id)["status"] == "SUCCESS"


def test_a_job_that_was_committed_by_a_clock_that_is_ahead_is_sent(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with session():
            task_id = str(jobs.push_task(DESCRIBE, "default").task_id)
    with session() as db:
        db.get_one(JobRecord, task_id).created_at += timedelta(hours=1)

    assert publish_pending(older_than=outbox.GRACE) == 1
    assert finished(task_id)["status"] == "SUCCESS"


def test_a_job_with_a_key_that_could_not_be_sent_is_sent_later(
    jobs: JobsService, finished: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = partial(jobs.push_task, "tests.tasks.name_organization", "acme", greeting="hi", idempotency_key="later")
    with monkeypatch.context() as broken:
        take_the_broker_away(broken)
        with pytest.raises(SentLater, match=r"^The broker is unavailable\. The task is kept, and sent when"):
            push()

    again = push()

    assert publish_pending() == 1
    assert finished(again.task_id, "acme")["result"] == "hi, acme"
