"""The path between a scheduler and the broker breaks for one side, and the other one hears nothing of it."""

from contextlib import closing

import pytest

from tests.faults.relay import Relay
from tests.faults.running import Figures
from tests.faults.stage import timed

from .stage import Stage
from .test_schedules import expect_runs

pytestmark = pytest.mark.faults


@pytest.mark.on("redis", "postgresql")
def test_a_scheduler_sends_on_when_one_side_alone_loses_the_connection(stage: Stage, figures: Figures) -> None:
    traces = stage.path()
    stage.add("steady", traces)
    with closing(Relay(stage.servers["broker"].port)) as relay:
        beat = stage.start_scheduler(CELERY_BROKER_URL=relay.address(stage.environment["CELERY_BROKER_URL"]))
        expect_runs(traces)

        assert relay.cut("client") > 0
        _, after_an_end = timed(lambda: expect_runs(traces))
        assert relay.cut("server") > 0
        _, after_silence = timed(lambda: expect_runs(traces))

        figures(f"two runs within {after_an_end:.0f} s, and within {after_silence:.0f} s of silence")
        beat.expect_alive()
        beat.kill()
