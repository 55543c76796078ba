"""Which projects a test of backups is run on: each is booted once, and its tests run on it one after another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot.run import Run
from tests.faults.running import (
    figures,
    on_projects,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    running,
)

from .projects import PROJECTS, BackupStage

__all__ = ["figures", "pytest_collection_modifyitems", "pytest_runtest_makereport"]


@pytest.fixture(scope="package")
def booted(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[BackupStage]:
    """The project of the test's parameter, with everything running."""
    with running(BackupStage, request.param, boot_run) as stage:
        yield stage


@pytest.fixture
def stage(booted: BackupStage) -> BackupStage:
    """The project, in order again after what the test before has done to it."""
    booted.heal()
    return booted


@pytest.fixture
def place(stage: BackupStage) -> Path:
    """A directory for backups that does not exist yet."""
    return stage.place()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "booted", PROJECTS)
