"""Which projects a test of schedules is run on, and the figures that it notes."""

from collections.abc import Callable, Iterator

import pytest

from tests.boot.run import Run
from tests.boot.test_boot import require
from tests.faults.projects import Project
from tests.faults.report import PROPERTY
from tests.faults.running import on_projects, pytest_collection_modifyitems, pytest_runtest_makereport

from .projects import PROJECTS
from .stage import Figures, Stage

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def scheduled(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[Stage]:
    """The project of the test's parameter, with everything running but a scheduler."""
    project: Project = request.param
    for kind in project.servers.values():
        require(kind.name)
    boot_run.watch()
    with Stage(project, boot_run) as stage:
        try:
            with stage.step("boot"):
                stage.boot()
            yield stage
        finally:
            for server in stage.servers.values():
                server.stop()


@pytest.fixture
def stage(scheduled: Stage) -> Stage:
    """The project, in order again and without schedules but those of its code."""
    scheduled.heal()
    scheduled.clear()
    return scheduled


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Note something measured, and print it."""

    def note(text: str) -> None:
        record_property(PROPERTY, text)
        print(text)

    return note


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "scheduled", PROJECTS)
