"""On Redis, a message that a living worker has in hand is given to no other one, however long that takes."""

import time

import pytest

from tests.boot.polling import wait_for

from .stage import Stage, lines, visible_again_after

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "redis-mysql")]

TIMEOUT = 8
SHORT = visible_again_after(TIMEOUT)
SHORTER = visible_again_after(5)
WAIT = 26  # seconds: a worker starts anew, and what nobody claims is given back, which is looked for every ten
SEND = """
from app.tasks.fault_probe import hold
hold.apply_async(kwargs={{"path": {path!r}, "seconds": 2.0}}, countdown={countdown})
"""
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


@pytest.mark.on("redis")
def test_a_retry_that_waits_for_longer_than_the_timeout_begins_once(stage: Stage) -> None:
    names = ("worker", "second")
    for name in names:
        stage.start_worker(name, **SHORTER)
    traces, direct = stage.path(), stage.path()
    task_id = stage.enqueue("comes_back", path=traces, countdown=float(WAIT))
    stage.script(SEND.format(countdown=WAIT, path=str(direct)), **SHORTER)
    wait_for("the first try has ended", lambda: stage.api.status(task_id)["status"] == "RETRY", within=20)

    for name in names:  # either of them has what waits
        time.sleep(2)
        stage.processes[name].terminate()
        stage.processes[name].exit_code(within=30)
        stage.start_worker(name, **SHORTER)

    assert stage.api.result(task_id, within=60) == 1
    time.sleep(2)  # another run would have begun when this one did
    assert lines(traces) == ["begun 0", "ended 0", "begun 1", "ended 1"]
    assert [line.split()[0] for line in lines(direct)] == ["begun", "ended"]
    stage.processes.pop("second").kill()
    stage.start_worker()
