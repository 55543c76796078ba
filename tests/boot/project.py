"""A generated project on disk: rendered, edited as its owner would, and installed with what it declares."""

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from uv import find_uv_bin

from forge_cli import questions
from forge_cli.questions import Answers
from tests.options import render

INSTALL_SECONDS = 300.0  # with a cold cache, everything comes from the package index

PROBE = '''\
"""Leave traces of having run."""

import time
from pathlib import Path

from app.core.celery import celery_app
from app.tasks.base import BaseTask


@celery_app.task
def tick(path: str) -> None:
    """Add a line to a file."""
    with Path(path).open("a") as file:
        file.write("tick\\n")


@celery_app.task(bind=True, public=True)
def steps(self: BaseTask, count: int) -> int:
    """Tell how far it has come."""
    for number in range(count):
        self.progress(number, count, f"step {number}")
        time.sleep(0.7)
    return count


@celery_app.task(public=True, dead_letter=True)
def broken(path: str) -> str:
    """Fail until somebody makes the file."""
    if not Path(path).exists():
        error = "not fixed yet"
        raise ValueError(error)
    return "fixed"


@celery_app.task(public=True)
def hold(path: str, seconds: float) -> dict[str, float]:
    """Make a file, and return after some time."""
    Path(path).touch()
    time.sleep(seconds)
    return {"held": seconds}
'''

ENTRY = """
beat_schedule["boot-tick"] = {{"task": "app.tasks.boot_probe.tick", "schedule": 1.0, "args": [{path!r}]}}
"""


class Project:
    """A project in a directory of its own, with room for logs and data beside it."""

    def __init__(self, directory: Path, answers: Answers, make: Callable[[Answers, Path], object] = render) -> None:
        self.directory = directory
        self.root = directory / "project"
        self.ticks = directory / "ticks"
        directory.mkdir(parents=True)
        make(answers, self.root)

    def add_probe(self) -> None:
        """Add a task module, and a schedule entry for it when there is a schedule."""
        self.add_tasks("boot_probe", PROBE)
        # What its own tests let tasks return and raise, to be asked for over HTTP.
        self.add_tasks("boot_outcomes", (self.root / "tests/outcomes.py").read_text())
        schedule = self.root / "app/core/schedule.py"
        if schedule.exists():
            with schedule.open("a") as file:
                file.write(ENTRY.format(path=str(self.ticks)))

    def add_tasks(self, name: str, text: str) -> None:
        """Add a task module, which nothing else in the project knows."""
        (self.root / f"app/tasks/{name}.py").write_text(text)

    def dependencies(self) -> list[str]:
        """Return what the project declares, without its development tools."""
        declared: list[str] = tomllib.loads((self.root / "pyproject.toml").read_text())["project"]["dependencies"]
        return sorted(declared)

    def install(self, environments: Path) -> Path:
        """Return a virtual environment that holds the declared dependencies and nothing else.

        Variants that declare the same share one: the project itself is not installed, it runs from its directory.
        """
        dependencies = self.dependencies()
        environment = environments / hashlib.sha256("\n".join(dependencies).encode()).hexdigest()[:12]
        environments.mkdir(exist_ok=True)
        with FileLock(f"{environment}.lock"):
            done = environment / "installed"
            if not done.exists():
                self.uv("venv", "--quiet", "--python", sys.executable, str(environment))
                self.uv("pip", "install", "--quiet", "--python", str(environment / "bin/python"), *dependencies)
                take_bytecode(environment, environments, dependencies)
                done.write_text("\n".join(dependencies))
        return environment

    def uv(self, *arguments: str) -> None:
        """Run uv in the project."""
        command = [find_uv_bin(), *arguments]
        result = subprocess.run(
            command,
            cwd=self.root,
            env=outside_environment(),
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        assert result.returncode == 0, f"`uv {' '.join(arguments)}` failed:\n{result.stdout}{result.stderr}"


def take_bytecode(environment: Path, environments: Path, dependencies: list[str]) -> None:
    """Share what Python has compiled in the environment that is most like this one.

    To compile the libraries takes longer than to install them. Python compares the time and size of the source, which
    uv keeps, and compiles anew what has others.
    """

    def common(made: Path) -> int:
        return len(set(made.read_text().splitlines()) & set(dependencies))

    made = max(environments.glob("*/installed"), key=common, default=None)
    if not made:
        return
    other = made.parent
    for compiled in other.glob("lib/python*/site-packages/**/__pycache__/*.pyc"):
        place = environment / compiled.relative_to(other)
        if place.parent.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                place.hardlink_to(compiled)


def outside_environment() -> dict[str, str]:
    """Return the environment without what belongs to the Python that runs the tests; it downloads no other one."""
    own = ("PYTHON", "PYTEST", "VIRTUAL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
        "UV_PYTHON_DOWNLOADS": "never"
    }


def no_project_can_have_the_name_of_a_package(root: Path, answers: Answers) -> None:
    """The lock has the whole tree, for every platform: a project of the same name could not be installed."""
    question = questions.questions()["project_name"]
    packages = {package["name"] for package in tomllib.loads((root / "uv.lock").read_text())["package"]}
    packages -= {questions.slug(answers)}
    allowed = {name for name in packages if not questions.refusal(question, {"project_name": name})}
    assert packages
    assert not allowed, f"copier.yml lets a project be called {', '.join(sorted(allowed))}"
