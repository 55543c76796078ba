"""The store of results, and the database, are away while tasks run."""

import time

import pytest

from tests.boot.polling import wait_for

from . import outages
from .running import Figures
from .stage import Stage, lines, timed

pytestmark = pytest.mark.faults

OUTAGE_SECONDS = 10.0
ANSWER_SECONDS = 8.0  # tells an answer from a hang; the report shows the seconds
WRITTEN_SECONDS = 90.0


@pytest.mark.on("redis", "redis-mysql")
def test_no_result_is_lost_while_the_store_of_results_is_away(stage: Stage, figures: Figures) -> None:
    survives(stage, "results", figures)


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_no_record_is_lost_while_the_database_is_away(stage: Stage, figures: Figures) -> None:
    survives(stage, "database", figures)


def survives(stage: Stage, part: str, figures: Figures) -> None:
    """Take a server away for ten seconds in the middle of two tasks; two others wait for their turn."""
    traces = stage.path()
    tasks = [stage.enqueue("hold", path=traces, seconds=3.0) for _ in range(4)]
    wait_for("two tasks have begun", lambda: len(lines(traces)) == 2, within=20)

    with outages.down(stage.servers[part]):
        away_since = time.monotonic()
        asked, posted = [], []
        while time.monotonic() < away_since + OUTAGE_SECONDS:
            asked.append(timed(lambda: stage.api.http.get(f"/tasks/{tasks[0]}")))
            posted.append(timed(lambda: stage.post("note", path=stage.path())))
            time.sleep(0.2)
        ended_meanwhile = [line for line in lines(traces) if line.startswith("ended")]

    slowest = {what: max(seconds for _, seconds in calls) for what, calls in (("GET", asked), ("POST", posted))}
    began = time.monotonic()
    results = [stage.api.result(task_id, within=WRITTEN_SECONDS) for task_id in tasks]
    runs = [line for line in lines(traces) if line.startswith("begun")]
    figures(
        f"{part} away: GET answered {codes(asked)} within {slowest['GET']:.1f} s, POST {codes(posted)} within "
        f"{slowest['POST']:.1f} s; {len(ended_meanwhile)} tasks ended meanwhile, {len(runs) - 4} ran twice, results "
        f"{time.monotonic() - began:.1f} s after the return"
    )
    assert results == [3.0] * 4
    assert len(ended_meanwhile) >= 2
    assert {response.status_code for response, _ in asked} <= {200, 503}
    assert {response.status_code for response, _ in posted} <= ({503} if part == "database" else {202, 503})
    assert max(slowest.values()) < ANSWER_SECONDS


def codes(calls: list[tuple[object, float]]) -> str:
    """Return the answers' codes, each once."""
    return "/".join(sorted({str(getattr(response, "status_code", "?")) for response, _ in calls}))
