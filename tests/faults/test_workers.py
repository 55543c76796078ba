"""A process or a whole worker dies in the middle of a task."""

import time
from contextlib import closing

import pytest

from tests.boot.polling import wait_for

from . import outages
from .relay import Relay
from .stage import Stage, lines

pytestmark = pytest.mark.faults

AGAIN_SECONDS = 60.0
STOP_SECONDS = 20.0

# Redis gives a message back after this time only; a worker looks for such messages when it starts and every 10 seconds.
VISIBILITY_SECONDS = 3
SHORT = {
    "CELERY_VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS),
    "CELERY_TASK_TIME_LIMIT": "2",
    "CELERY_TASK_SOFT_TIME_LIMIT": "1",
}


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_whose_process_is_killed_runs_again(stage: Stage) -> None:
    traces = stage.path()
    task_id = stage.enqueue("dies_at_first", path=traces)

    assert stage.api.result(task_id, within=AGAIN_SECONDS) == 2
    assert lines(traces) == [task_id] * 2


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_whose_worker_is_killed_is_run_by_the_next_one(stage: Stage) -> None:
    traces = stage.path()
    task_id = stage.enqueue("hangs_at_first", path=traces)
    wait_for("the task has begun", lambda: lines(traces), within=10)
    stage.processes["worker"].kill()

    stage.start_worker("worker", **SHORT)

    assert stage.api.result(task_id, within=AGAIN_SECONDS) == 2
    assert lines(traces) == [task_id] * 2
    stage.start_worker()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_ended(stage: Stage) -> None:
    worker = stage.start_worker("worker", REMAP_SIGTERM="SIGQUIT", CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT="1")
    traces = stage.path()
    task_id = stage.enqueue("hangs_at_first", path=traces)
    wait_for("the task has begun", lambda: lines(traces), within=30)

    worker.terminate()

    worker.exit_code(within=STOP_SECONDS)
    stage.start_worker()
    assert stage.api.result(task_id, within=AGAIN_SECONDS) == 2


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_that_runs_out_of_its_time_while_its_worker_stops_is_given_back(stage: Stage) -> None:
    limits = {"CELERY_TASK_TIME_LIMIT": "4", "CELERY_TASK_SOFT_TIME_LIMIT": "3"}
    worker = stage.start_worker("worker", REMAP_SIGTERM="SIGQUIT", CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT="2", **limits)
    traces = stage.path()
    task_id = stage.enqueue("hangs_at_first", path=traces)
    wait_for("the task has begun", lambda: lines(traces), within=30, every=0.05)
    time.sleep(2.5)

    # The worker watches over no limit while it waits for its tasks, and finds that they are over when it gives them up.
    worker.terminate()

    worker.exit_code(within=STOP_SECONDS)
    stage.start_worker()
    assert stage.api.result(task_id, within=AGAIN_SECONDS) == 2


@pytest.mark.on("redis-mysql")
def test_a_task_that_ends_as_its_time_is_over_has_one_end(stage: Stage) -> None:
    with closing(Relay(stage.servers["results"].port)) as relay:
        relay.delay(0.4, "to_client")
        address = relay.address(stage.environment["CELERY_RESULT_BACKEND"])
        worker = stage.start_worker("worker", CELERY_RESULT_BACKEND=address)
        task_id = stage.enqueue("cleans_up_for_long")

        told = stage.api.error(task_id, within=30)["type"]

        stage.expect_one_end(task_id, told)
        worker.expect_alive()
    stage.start_worker()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_whose_end_its_worker_notices_too_late_keeps_it_when_the_broker_is_away(stage: Stage) -> None:
    limits = {**SHORT, "CELERY_VISIBILITY_TIMEOUT": "10", "CELERY_TASK_TIME_LIMIT": "5"}
    worker = stage.start_worker("worker", **limits)
    go_on = stage.path()
    task_id = stage.enqueue("fails_and_lingers", path=go_on)
    assert stage.api.error(task_id)["type"] == "ValueError"

    with outages.down(stage.servers["broker"]):
        time.sleep(1)  # the worker tries to connect, and looks at no task meanwhile
        go_on.touch()
        time.sleep(5)
        worker.terminate()
        worker.exit_code(within=AGAIN_SECONDS)
    assert "callback raised exception" not in worker.output()

    stage.start_worker("worker", **limits)
    expect_one_dead_letter(stage, task_id)
    stage.expect_one_end(task_id, "ValueError")
    stage.start_worker()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_that_kills_its_process_fails_after_three_retries_and_others_are_served(stage: Stage) -> None:
    traces = stage.path()
    task_id = stage.enqueue("kills_its_process", path=traces)
    wait_for("the task has begun", lambda: lines(traces), within=10)
    others = [stage.enqueue("note", path=stage.path()) for _ in range(20)]

    for other in others:
        stage.api.result(other)
    error = stage.api.error(task_id, within=AGAIN_SECONDS)
    assert error["type"] == "WorkerLostError", error
    assert lines(traces) == [task_id] * 4
    expect_one_dead_letter(stage, task_id)


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_that_kills_its_worker_is_set_aside_after_four_deliveries_at_most(stage: Stage) -> None:
    stage.start_worker("worker", **SHORT)
    traces = stage.path()
    task_id = stage.enqueue("kills_its_worker", path=traces)

    def ended_with_a_supervisor() -> bool:
        if stage.processes["worker"].process.poll() is not None:
            time.sleep(VISIBILITY_SECONDS)
            stage.start_worker("worker", **SHORT)
        return bool(stage.api.status(task_id)["status"] == "FAILURE")

    wait_for("the task has failed", ended_with_a_supervisor, within=3 * AGAIN_SECONDS, every=0.2)

    error = stage.api.error(task_id)
    assert error["type"] == "PoisonMessage", error
    # A delivery that was lost with the worker before the task began counts as well.
    assert 2 <= len(lines(traces)) <= 4
    other = stage.enqueue("note", path=stage.path())
    stage.api.result(other)
    expect_one_dead_letter(stage, task_id)
    stage.start_worker()


def expect_one_dead_letter(stage: Stage, task_id: str) -> None:
    """Look for a task among the dead letters, and delete it."""
    wait_for("it is a dead letter", lambda: task_id in stage.cli("dead-letters", "list"), within=20, every=1)
    assert stage.cli("dead-letters", "list").count(task_id) == 1
    stage.cli("dead-letters", "purge", task_id)
    assert task_id not in stage.cli("dead-letters", "list")


@pytest.mark.on("rabbitmq-postgresql")
def test_a_task_that_has_failed_stays_so_when_the_connection_is_lost(stage: Stage) -> None:
    with closing(Relay(stage.servers["broker"].port)) as relay:
        address = relay.address(stage.environment["CELERY_BROKER_URL"])
        stage.start_worker("worker", CELERY_BROKER_URL=address)
        task_id = stage.enqueue("fails_and_lingers", path=stage.path())
        assert stage.api.error(task_id)["type"] == "ValueError"

        relay.cut()

        stage.expect_one_end(task_id, "ValueError")
        expect_one_dead_letter(stage, task_id)
    stage.start_worker()
