"""Projects on disk: as `forge new` makes them, and installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot.run import Run
from tests.faults.running import on_projects, pytest_collection_modifyitems, pytest_runtest_makereport, running

from .examined import environment, forge, trusted
from .projects import PROJECTS, Servers

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_makereport"]

INSTALL_SECONDS = 300.0


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every default answer, not installed; not to be changed."""
    place = tmp_path_factory.mktemp("made") / "demo"
    ran = forge("new", place, "--defaults")
    assert ran.returncode == 0, ran.stderr
    return place


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project with every default answer, not installed."""
    return trusted(Path(shutil.copytree(made, tmp_path / "demo")))


@pytest.fixture(scope="session")
def installed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after `make install`; not to be changed."""
    place = Path(shutil.copytree(made, tmp_path_factory.mktemp("installed") / "demo"))
    subprocess.run(["make", "install"], cwd=place, env=environment(), check=True, timeout=INSTALL_SECONDS)
    return trusted(place)


@pytest.fixture
def edited(installed: Path, tmp_path: Path) -> Path:
    """A copy of the installed project, whose code a test may change."""
    place = tmp_path / "demo"
    shutil.copytree(installed, place, ignore=shutil.ignore_patterns(".venv", ".dev"))
    (place / ".venv").symlink_to(installed / ".venv")
    return trusted(place)


@pytest.fixture(scope="package")
def served(request: pytest.FixtureRequest, boot_run: Run) -> Iterator[Servers]:
    """The project of the test's parameter, with its servers and without any process of its own."""
    with running(Servers, request.param, boot_run) as stage:
        yield stage


@pytest.fixture
def stage(served: Servers) -> Iterator[Servers]:
    """The project; afterwards no process of it is left."""
    yield served
    for name in list(served.processes):
        served.processes.pop(name).kill()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the projects that it names."""
    on_projects(metafunc, "served", PROJECTS)
