"""The broker is killed and started again, and stands still."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.boot.polling import wait_for

from . import outages
from .running import Figures
from .stage import Stage, lines, refused, timed

pytestmark = pytest.mark.faults

POSTS = 300
CLIENTS = 4
ENDED_SECONDS = 90.0

PUSH_LATER = """
from app.jobs.service import JobsService
JobsService().push_task("app.tasks.fault_probe.note", {organization!r}, countdown=6, path={path!r})
"""

# Two seconds and some milliseconds on a quiet machine, which the report shows; these tell an answer from a hang.
REFUSAL_SECONDS = 8.0
LIVE_SECONDS = 1.0


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_every_accepted_task_ends_though_the_broker_is_killed_under_load(stage: Stage, figures: Figures) -> None:
    traces = stage.path()
    accepted: list[str] = []
    refusals: list[float] = []
    left = iter(range(POSTS))

    def post() -> None:
        for number in left:
            response, seconds = timed(lambda number=number: stage.post("note", path=traces, line=str(number)))
            if refused(response):
                refusals.append(seconds)
                time.sleep(0.1)
            else:
                accepted.append(response.json()["task_id"])
            time.sleep(0.02)

    clients = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_for("there is load", lambda: len(accepted) > POSTS / 5, within=30)
    _, away = timed(lambda: outages.restart(stage.servers["broker"]))
    for client in clients:
        client.join()
    deadline = time.monotonic() + ENDED_SECONDS
    for task_id in accepted:
        stage.api.result(task_id, within=max(1.0, deadline - time.monotonic()))

    runs = lines(traces)
    figures(
        f"{POSTS} posted by {CLIENTS} clients, broker away for {away:.1f} s: {len(accepted)} accepted, "
        f"{len(refusals)} refused (the slowest after {max(refusals, default=0):.1f} s), {len(set(runs))} run, "
        f"{len(runs) - len(set(runs))} of them twice"
    )
    assert len(accepted) + len(refusals) == POSTS
    assert len(set(runs)) >= len(accepted)


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_tasks_that_run_when_the_broker_is_restarted_end(stage: Stage, figures: Figures) -> None:
    end_although_the_broker_is_away(stage, figures, 0.0)


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_tasks_that_run_while_the_broker_is_away_end(stage: Stage, figures: Figures) -> None:
    end_although_the_broker_is_away(stage, figures, 3.0)


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_task_that_waits_for_its_time_runs_although_the_broker_is_restarted(stage: Stage) -> None:
    traces = stage.path()
    stage.script(PUSH_LATER.format(organization=stage.organization, path=str(traces)))
    time.sleep(1)  # a worker on Redis has it by now
    assert lines(traces) == []

    outages.restart(stage.servers["broker"])

    wait_for("it has run", lambda: lines(traces), within=ENDED_SECONDS)
    stage.processes["worker"].expect_alive()


def end_although_the_broker_is_away(stage: Stage, figures: Figures, away: float) -> None:
    """Take the broker away for some time in the middle of two tasks."""
    traces = stage.path()
    # One ends while the broker is away, the other one after its return.
    tasks = {stage.enqueue("hold", path=traces, seconds=seconds): seconds for seconds in (1.5, 6.0)}
    wait_for("both have begun", lambda: len(lines(traces)) == 2, within=20)

    with outages.down(stage.servers["broker"]):
        time.sleep(away)

    for task_id, seconds in tasks.items():
        assert stage.api.result(task_id, within=ENDED_SECONDS) == seconds
    runs = [line for line in lines(traces) if line.startswith("begun")]
    figures(f"broker away for {away:.0f} s and its start: {len(runs) - 2} of 2 tasks were run twice")
    assert len(runs) <= 4
    stage.processes["worker"].expect_alive()


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_frozen_broker_is_told_in_time_and_leaves_nothing_behind(stage: Stage, figures: Figures) -> None:
    stage.api.result(stage.enqueue("note", path=stage.path()))
    before = {name: process.process.pid for name, process in stage.processes.items()}

    with outages.frozen(stage.servers["broker"]), health_is_asked(stage) as live:
        answers = [timed(lambda: stage.post("note", path=stage.path())) for _ in range(3)]

    seconds = [seconds for _, seconds in answers]
    figures(f"refused after {', '.join(f'{each:.1f}' for each in seconds)} s; "
            f"/health/live {statistics.median(live) * 1000:.0f} ms, at most {max(live) * 1000:.0f}")  # fmt: skip
    assert all(refused(response) for response, _ in answers)
    assert max(seconds) < REFUSAL_SECONDS
    assert statistics.median(live) < LIVE_SECONDS
    wait_for("the API accepts tasks again", lambda: not refused(stage.post("note", path=stage.path())), within=20)
    stage.api.result(stage.enqueue("note", path=stage.path()), within=ENDED_SECONDS)
    assert before == {name: process.process.pid for name, process in stage.processes.items()}
    for process in stage.processes.values():
        process.expect_alive()


@contextmanager
def health_is_asked(stage: Stage) -> Iterator[list[float]]:
    """Ask whether the API is alive all the while; the seconds that each answer took are in the list."""
    seconds: list[float] = []
    enough = threading.Event()

    def ask() -> None:
        while not enough.wait(0.05):
            response, taken = timed(lambda: stage.api.http.get("/health/live"))
            assert response.status_code == 200
            seconds.append(taken)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield seconds
    finally:
        enough.set()
        asking.join()
