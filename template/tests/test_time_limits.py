"""Time limits: the soft one lets a task clean up, the hard one kills its process."""

from pathlib import Path

import pytest

from app.core.celery import celery_app
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.processes import WORKER_LOG, Lines, until


def test_a_task_over_its_limit_fails_and_says_so(jobs: JobsService, finished: Wait, tmp_path: Path) -> None:
    soft = jobs.push_task("tests.tasks.overrun", "default", path=str(tmp_path / "trace"))
    hard = jobs.push_task("tests.tasks.hang", "default")

    ended = finished(soft.task_id)
    assert ended["status"] == "FAILURE"
    assert ended["error"] == {
        "type": "SoftTimeLimitExceeded",
        "message": "The task took longer than its soft time limit of 1 seconds.",
    }
    assert (tmp_path / "trace").read_text() == "cleaned up"

    killed = finished(hard.task_id)
    assert killed["status"] == "FAILURE"
    assert killed["error"] == {
        "type": "TimeLimitExceeded",
        "message": "The task took longer than its time limit of 1 seconds.",
    }


@pytest.mark.parametrize(("fails", "end"), [(False, "SUCCESS"), (True, "FAILURE")])
def test_a_limit_that_is_over_after_the_body_has_ended_changes_nothing(
    fails: bool, end: str, jobs: JobsService, finished: Wait, tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    task_id = jobs.push_task("tests.tasks.linger", "default", path=str(path), fails=fails).task_id
    assert finished(task_id)["status"] == end

    until(path.exists)

    ended = finished(task_id)
    assert (ended["status"], ended["error"] and ended["error"]["type"]) == (end, "ValueError" if fails else None)
    assert celery_app.AsyncResult(str(task_id)).state == end
    assert str(path) in str(celery_app.AsyncResult(str(task_id)).result)


def test_the_error_of_another_task_over_its_limit_costs_no_process(
    jobs: JobsService, finished: Wait, worker: Lines
) -> None:
    before = len(WORKER_LOG)
    for _ in range(5):
        failed = finished(jobs.push_task("tests.tasks.fail_as_another_has", "default").task_id)
        assert failed["error"]["type"] == "TimeLimitExceeded"

    assert finished(jobs.push_task("tests.tasks.describe", "default").task_id)["status"] == "SUCCESS"
    assert not [line for line in WORKER_LOG[before:] if "SIGKILL" in line]
