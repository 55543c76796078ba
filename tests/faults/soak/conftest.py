"""One project at a time, with everything running behind relays."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot.run import Run
from tests.faults.running import on_projects, running

from .containers import Container, docker
from .projects import IN_CONTAINERS, PROJECTS, chosen
from .stage import SoakStage


@pytest.fixture(scope="package")
def soaked(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[SoakStage]:
    """The project of the test's parameter. What its processes have said is kept in `build/soak` after a failure."""
    if IN_CONTAINERS and (
        shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode
    ):
        pytest.fail("no Docker engine answers, and FORGE_SOAK_SERVERS asks for one")
    with running(SoakStage, request.param, boot_run) as stage:
        yield stage
        if request.session.testsfailed:
            kept = Path("build/soak") / stage.kind.name
            kept.mkdir(parents=True, exist_ok=True)
            for log in stage.logs().values():
                shutil.copy(log, kept)
            for part, server in stage.servers.items():
                if isinstance(server, Container):
                    (kept / f"{part}.log").write_text(docker("logs", server.container))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects of this run."""
    on_projects(metafunc, "soaked", {name: PROJECTS[name] for name in chosen()})
