"""Which projects a fault test is run on: each is booted once, and its tests run on it one after another."""

from collections.abc import Iterator

import pytest

from tests.boot.run import Run

from .projects import PROJECTS
from .running import (
    figures,
    on_projects,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    running,
)
from .stage import Stage

__all__ = ["figures", "pytest_collection_modifyitems", "pytest_runtest_makereport"]


@pytest.fixture(scope="package")
def booted(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[Stage]:
    """The project of the test's parameter, with everything running."""
    with running(Stage, request.param, boot_run) as stage:
        yield stage


@pytest.fixture
def stage(booted: Stage) -> Stage:
    """The project, in order again after what the test before has done to it."""
    booted.heal()
    return booted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "booted", PROJECTS)
