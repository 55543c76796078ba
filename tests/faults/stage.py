"""A project under stress: its private servers, its processes, and what clients, operators and developers do to it."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.boot.booted import Booted
from tests.boot.client import said
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.run import Run
from tests.boot.servers import Server, password
from tests.boot.supervisor import RUN_VARIABLE

from .probe import PROBE
from .projects import Project

START_SECONDS = 60.0
TASKS = "fault_probe"

RESULT = """
from celery.result import AsyncResult
from app.core.celery import celery_app

result = AsyncResult({task_id!r}, app=celery_app)
print(result.state, type(result.result).__name__)
"""


def visible_again_after(seconds: int) -> dict[str, str]:
    """The settings of workers whose messages are given to others so soon, with the time limits that go with that."""
    return {
        "CELERY_VISIBILITY_TIMEOUT": str(seconds),
        "CELERY_TASK_TIME_LIMIT": str(seconds - 1),
        "CELERY_TASK_SOFT_TIME_LIMIT": str(seconds - 2),
    }


class Stage(Booted):
    """One project on servers of its own, which a test may stop, or on those of another one."""

    def __init__(self, project: Project, run: Run, servers: Mapping[str, Server] | None = None) -> None:
        place = run.directory / "faults" / project.name
        place.mkdir(parents=True)
        for folder in (place, place.parent):
            folder.chmod(0o711)  # PostgreSQL's and MariaDB's users pass through it
        self.kind = project
        self.servers = servers or {
            part: _server(kind, place / part, project, run) for part, kind in project.servers.items()
        }
        super().__init__(project.variant, run, {}, place / "variant")
        self.traces = 0
        self.usual = True
        self.organization: str

    def edit(self) -> None:
        """Add the tasks of these tests, and nothing else."""
        self.project.add_tasks(TASKS, PROBE)

    def addresses(self) -> Mapping[str, str]:
        """Return where the servers are, or will be."""
        return self.kind.environment(self.servers, self.directory)

    def boot(self) -> None:
        """Start everything that a project in production has."""
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(server.start) for server in self.servers.values()]
            self.install()
            for start in starts:
                start.result()
        self.serve()
        self.start_worker()
        sent = self.post("whereabouts")
        assert sent.status_code == 202, said(sent)
        self.organization = sent.json()["organization_id"]
        self.api.result(sent.json()["task_id"], within=START_SECONDS)

    def serve(self, **environment: str) -> None:
        """Migrate the database and start the API, after the last one has ended."""
        if self.variant.has_database:
            self.command("alembic", "upgrade", "heads")
        if "api" in self.processes:
            self.processes["api"].kill()
        self.start_api(**environment)
        wait_for("the API answers", self.live, within=START_SECONDS)

    def live(self) -> bool:
        """Tell whether the API answers."""
        self.processes["api"].expect_alive()
        return self.api.http.get("/health/live").status_code == 200

    def start_worker(self, name: str = "worker", *options: str, **environment: str) -> Process:
        """Start a worker of two processes, after the last one of this name has ended."""
        if name in self.processes:
            self.processes[name].kill()
        if name == "worker":
            self.usual = not (options or environment)
        command = ["celery", "-A", "app.core.celery", "worker", "--loglevel", "INFO", "--concurrency", "2"]
        return self.start(name, *command, *options, **environment)

    def heal(self) -> None:
        """Leave what the next test expects: every server answers, and one worker serves every queue."""
        for server in self.servers.values():
            if not server.running():
                server.launch()
        for name in self.processes.keys() - {"api", "worker"}:
            self.processes.pop(name).kill()
        if not self.usual or self.processes["worker"].process.poll() is not None:
            self.start_worker()  # what the last test has started may lead to a server that is gone
        wait_for("the worker runs tasks", lambda: self.post("whereabouts").status_code == 202, within=START_SECONDS)
        self.api.result(self.enqueue("whereabouts"), within=START_SECONDS)

    def path(self, name: str = "trace") -> Path:
        """Return a file for the traces of one task, which does not exist yet."""
        self.traces += 1
        return self.directory / f"{name}-{self.traces}"

    def post(self, task: str, **arguments: object) -> httpx.Response:
        """Ask for one of the tasks in `probe.py`; the answer may be a refusal."""
        name = task if "." in task else f"app.tasks.{TASKS}.{task}"
        return self.api.http.post(f"/tasks/{name}", json={key: _plain(value) for key, value in arguments.items()})

    def enqueue(self, task: str, **arguments: object) -> str:
        """Ask for one of the tasks in `probe.py`, and return its id."""
        response = self.post(task, **arguments)
        assert response.status_code == 202, said(response)
        task_id: str = response.json()["task_id"]
        return task_id

    def administer(self, method: str, path: str) -> httpx.Response:
        """Make a request as an administrator."""
        return self.api.http.request(method, path, headers=self.credential.admin)

    def script(self, source: str, **environment: str) -> str:
        """Run a program with the project's own code, and return what it printed."""
        return self.command("python", "-c", source, **environment)

    def cli(self, *arguments: str) -> str:
        """Run the project's own command, and return what it printed."""
        return self.command("python", "-m", "app", *arguments)

    def watched(self) -> set[str]:
        """Return the workers that Flower has heard of."""
        response = self.flower.get("/api/workers", params={"status": "true"}, auth=self.flower_user)
        return set(response.raise_for_status().json())

    def expect_one_end(self, task_id: str, error: str) -> None:
        """Look at how a task has failed, after whatever its worker does about it."""
        self.api.result(self.enqueue("whereabouts"), within=START_SECONDS)
        assert self.script(RESULT.format(task_id=task_id)).splitlines()[-1] == f"FAILURE {error}"
        assert self.api.error(task_id)["type"] == error


def refused(response: httpx.Response) -> bool:
    """Tell whether a request was refused in the way that tells a client to come back later."""
    assert response.status_code in {202, 503}, said(response)
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) > 0, response.headers
    return response.status_code == 503


def timed(call: Any) -> tuple[Any, float]:
    """Make a call; return what it returns, and the seconds that it took."""
    started = time.monotonic()
    return call(), time.monotonic() - started


def lines(path: Path) -> list[str]:
    """Return the lines that tasks have left in a file."""
    return path.read_text().splitlines() if path.exists() else []


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _server(kind: type[Server], place: Path, project: Project, run: Run) -> Server:
    place.mkdir(mode=0o711)
    place.chmod(0o711)
    return kind(place, {project.variant.account: password()}, {RUN_VARIABLE: str(run.directory)})
