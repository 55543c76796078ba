"""How tests share a running project: each project is booted once, and its tests run on it one after another.

A `conftest.py` of such tests imports the two hooks and `figures`, calls `on_projects` in its own
`pytest_generate_tests`, and has a fixture that is `running`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import pytest

from tests.boot.booted import Booted
from tests.boot.processes import tail
from tests.boot.run import Run
from tests.boot.supervisor import SERVERS
from tests.boot.test_boot import require

from .projects import Project
from .report import PROPERTY
from .stage import Stage

S = TypeVar("S", bound=Stage)
Figures = Callable[[str], None]


@contextmanager
def running(kind: Callable[[Project, Run], S], project: Project, run: Run) -> Iterator[S]:
    """Boot a project on servers of its own, which end with the block."""
    for server in project.servers.values():
        if server in SERVERS.values():
            require(server.name)
    run.watch()
    with kind(project, run) as stage:
        try:
            with stage.step("boot"):
                stage.boot()
            yield stage
        finally:
            for each in stage.servers.values():
                each.stop()


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Note something measured in the report."""
    return lambda text: record_property(PROPERTY, text)


def on_projects(metafunc: pytest.Metafunc, fixture: str, projects: Mapping[str, Project]) -> None:
    """Run a test on the projects that its mark `on` names, or on all of them.

    Args:
        metafunc: What pytest knows of the test.
        fixture: The fixture of the running project, whose parameter is the project.
        projects: The projects by name.
    """
    if fixture in metafunc.fixturenames:
        # The scheduler tells by the name of the project alone which tests share it.
        assert not list(metafunc.definition.iter_markers("parametrize")), metafunc.definition.nodeid
        mark = metafunc.definition.get_closest_marker("on")
        names = mark.args if mark else tuple(projects)
        parameters = [pytest.param(projects[name], id=name) for name in names]
        metafunc.parametrize(fixture, parameters, indirect=True, scope="package")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take one project after the other: pytest sorts by a parameter's position, which differs from test to test."""

    def turn(item: pytest.Item) -> int:
        parameters = getattr(item, "callspec", None)
        shared = [value for value in parameters.params.values() if isinstance(value, Project)] if parameters else []
        return shared[0].variant.index if shared else -1

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the project's processes have said."""
    report = yield
    if report.failed:
        for booted in getattr(item, "funcargs", {}).values():
            if isinstance(booted, Booted):
                told = "\n".join(tail(path) for path in booted.logs().values())
                report.sections.append(("processes", told))
                break
    return report
