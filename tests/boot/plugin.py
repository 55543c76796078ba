"""The controller's part of a test run: it owns the run's directory, ends its servers, and writes what they report.

`tests/conftest.py` names this module in `pytest_plugins`: under pytest-xdist the controller reads no deeper conftest.
"""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.faults.report import FOLDERS, FaultReport

from .report import Report
from .run import Run

# Their tests share what is running.
SHARING = (*FOLDERS, "tests/doctor/")

# The marks of tests that start something.
LONG = ("boot", "faults", "stack")

RUN_KEY = pytest.StashKey[Run]()
REPORT_KEY = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Make a run, or join the controller's."""
    shared = getattr(config, "workerinput", None)
    if shared is not None:
        config.stash[RUN_KEY] = Run(Path(shared["boot_directory"]), shared["boot_controller"])
        return
    config.stash[RUN_KEY] = Run.create()
    config.stash[REPORT_KEY] = report = Report()
    config.pluginmanager.register(report, "boot-report")
    config.pluginmanager.register(FaultReport(), "fault-report")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker of the run."""
    run = node.config.stash[RUN_KEY]
    node.workerinput |= {"boot_directory": str(run.directory), "boot_controller": run.controller}


class OneProjectAfterTheOther(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hand out one test after another, but those of a project and a folder together: they share what is running."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((folder for folder in SHARING if folder in nodeid), None)
        return folder + nodeid.partition("[")[2] if folder else nodeid


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: at the end, one process after the other would have nothing left to do."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProjectAfterTheOther:
    """Decide which process runs which test."""
    return OneProjectAfterTheOther(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End everything, whatever the outcome."""
    if REPORT_KEY in config.stash:
        config.stash[REPORT_KEY].write(config)
        config.stash[RUN_KEY].stop()


@pytest.fixture(scope="session")
def boot_run(request: pytest.FixtureRequest) -> Run:
    """The test run that this process belongs to."""
    return request.config.stash[RUN_KEY]
