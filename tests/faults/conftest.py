"""Which projects a fault test is run on: each is booted once, and its tests run on it one after another."""

from collections.abc import Callable, Generator, Iterator

import pytest

from tests.boot.processes import tail
from tests.boot.run import Run
from tests.boot.test_boot import require

from .projects import PROJECTS, Project
from .report import PROPERTY
from .stage import Stage

Figures = Callable[[str], None]


@pytest.fixture(scope="session")
def booted(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[Stage]:
    """The project of the test's parameter, with everything running."""
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
def stage(booted: Stage) -> Stage:
    """The project, in order again after what the test before has done to it."""
    booted.heal()
    return booted


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Note something measured in the report."""
    return lambda text: record_property(PROPERTY, text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that its mark `on` names, or on all of them."""
    if "booted" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("on")
        names = mark.args if mark else tuple(PROJECTS)
        metafunc.parametrize(
            "booted",
            [pytest.param(PROJECTS[name], id=name) for name in names],
            indirect=True,
            scope="session",
        )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take one project after the other: pytest sorts by a parameter's position, which differs from test to test."""
    order = list(PROJECTS.values())

    def turn(item: pytest.Item) -> int:
        parameters = getattr(item, "callspec", None)
        project = parameters.params.get("booted") if parameters else None
        return order.index(project) if project else -1

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the project's processes have said."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("booted")
    if report.failed and isinstance(stage, Stage):
        report.sections.append(("processes", "\n".join(tail(path) for path in stage.logs().values())))
    return report
