"""Which projects a test of schedules is run on: each is booted once, and its tests run on it one after another."""

from collections.abc import Iterator

import pytest

from tests.boot.run import Run
from tests.faults.running import (
    figures,
    on_projects,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    running,
)

from .projects import PROJECTS
from .stage import Stage

__all__ = ["figures", "pytest_collection_modifyitems", "pytest_runtest_makereport"]


@pytest.fixture(scope="package")
def scheduled(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[Stage]:
    """The project of the test's parameter, with everything running but a scheduler."""
    with running(Stage, request.param, boot_run) as stage:
        yield stage


@pytest.fixture
def stage(scheduled: Stage) -> Stage:
    """The project, in order again and without schedules but those of its code."""
    scheduled.heal()
    scheduled.clear()
    return scheduled


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "scheduled", PROJECTS)
