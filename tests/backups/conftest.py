"""Which projects a test is run on: each is booted once, and its tests run on it one after another."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.boot.run import Run
from tests.boot.test_boot import require
from tests.faults.projects import Project
from tests.faults.report import PROPERTY
from tests.faults.running import on_projects, pytest_collection_modifyitems, pytest_runtest_makereport

from .projects import PROJECTS, BackupStage

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def booted(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[BackupStage]:
    """The project of the test's parameter, with everything running."""
    project: Project = request.param
    for kind in project.servers.values():
        require(kind.name)
    boot_run.watch()
    with BackupStage(project, boot_run) as stage:
        try:
            with stage.step("boot"):
                stage.boot()
            yield stage
        finally:
            for server in stage.servers.values():
                server.stop()


@pytest.fixture
def stage(booted: BackupStage) -> BackupStage:
    """The project, in order again after what the test before has done to it."""
    booted.heal()
    return booted


@pytest.fixture
def place(stage: BackupStage) -> Path:
    """A directory for backups that does not exist yet."""
    return stage.place()


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Note something measured in the report."""
    return lambda text: record_property(PROPERTY, text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "booted", PROJECTS)
