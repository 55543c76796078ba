"""Time limits: the soft one lets a task clean up, the hard one kills its process."""

from pathlib import Path

from app.jobs.service import JobsService
from tests.conftest import Wait


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
