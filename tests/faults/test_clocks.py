"""The clocks of two machines differ by a minute."""

from pathlib import Path

import pytest

from tests.boot.polling import wait_for
from tests.schedules.clocks import Clock, require_compiler

from .stage import Stage

pytestmark = [pytest.mark.faults, pytest.mark.on("redis", "rabbitmq-postgresql")]

SECONDS = 60


def test_readiness_believes_workers_whose_clock_differs(stage: Stage, tmp_path: Path) -> None:
    require_compiler()
    clock = Clock(tmp_path / "api.clock")
    for seconds in (SECONDS, -SECONDS):
        clock.set(seconds)
        stage.serve(**clock.environment)
        wait_for("it is ready", lambda: stage.api.http.get("/health/workers").status_code == 200, within=20)
    stage.serve()
