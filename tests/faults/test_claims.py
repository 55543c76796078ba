"""On Redis, a message that a living worker has in hand is given to no other one, however long that takes."""

import time

import pytest

from .stage import Stage, lines

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "redis-mysql")]

TIMEOUT = 8
SHORT = {
    "CELERY_VISIBILITY_TIMEOUT": str(TIMEOUT),
    "CELERY_TASK_TIME_LIMIT": str(TIMEOUT - 1),
    "CELERY_TASK_SOFT_TIME_LIMIT": str(TIMEOUT - 2),
}
PUSH = """
from app.jobs.service import JobsService
print(JobsService().push_task({task!r}, {organization!r}, countdown={countdown}, path={path!r}, seconds=3.0).task_id)
"""


def test_a_countdown_and_a_run_that_exceed_the_timeout_together_are_one_run(stage: Stage) -> None:
    stage.start_worker("worker", **SHORT)
    stage.start_worker("second", **SHORT)
    traces = stage.path()
    source = PUSH.format(
        task="app.tasks.fault_probe.hold", organization=stage.organization, countdown=TIMEOUT - 1, path=str(traces)
    )
    task_id = stage.script(source, **SHORT).splitlines()[-1]

    stage.api.result(task_id, within=60)
    time.sleep(TIMEOUT)  # a second run would have begun while the first one went on

    assert lines(traces) == [f"begun {task_id}", f"ended {task_id}"]
    stage.processes.pop("second").kill()
    stage.start_worker()
