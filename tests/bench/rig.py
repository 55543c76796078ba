"""What the measurements run on: private servers, generated projects, and a bare application."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import redis
from kombu.connection import Connection

from forge_cli import questions
from forge_cli.questions import Answers
from tests.boot.polling import wait_for
from tests.boot.processes import Process, tail
from tests.boot.project import Project
from tests.boot.run import Endpoint, Run
from tests.boot.servers import free_port
from tests.boot.supervisor import RUN_VARIABLE
from tests.boot.variants import Variant

INSIDE = Path(__file__).parent / "inside"
"""Scripts that run in a contender's environment, not in this one."""

BROKERS = {"redis": "Redis", "rabbitmq": "RabbitMQ"}
ACCOUNTS = 12
START_SECONDS = 60.0
SCRIPT_SECONDS = 600.0


@dataclass(frozen=True)
class Contender:
    """One application on one set of servers: the generated project, or the bare one."""

    name: str
    broker: str
    root: Path
    environment: dict[str, str]
    api: str
    celery: str
    queues: tuple[str, ...]

    def with_environment(self, **changed: str) -> "Contender":
        """Return the same application, with other settings."""
        return replace(self, environment=self.environment | changed)

    def start(self, *command: str) -> Process:
        """Start a process in the contender's environment."""
        log = self.root.parent / f"{command[0]}.log"
        return Process(command, cwd=self.root, environment=self.environment, log=log)

    def script(self, name: str, *arguments: object) -> dict[str, Any]:
        """Run one of the scripts of `inside` to its end, and return what it printed."""
        command = ["python", str(INSIDE / name), *map(str, arguments)]
        result = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
        )
        if result.returncode:
            raise RuntimeError(f"{self.name}: `{' '.join(command)}` failed:\n{result.stderr[-4000:]}")
        printed: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return printed

    def empty(self) -> None:
        """Forget every message and every result."""
        for variable in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
            if self.environment[variable].startswith("redis:"):
                redis.Redis.from_url(self.environment[variable]).flushdb()
        if self.broker == "rabbitmq":
            with Connection(self.environment["CELERY_BROKER_URL"]) as connection:
                for queue in self.queues:
                    try:
                        connection.default_channel.queue_purge(queue)
                    except connection.channel_errors:  # nothing has declared it yet
                        connection.close()


class Rig:
    """The servers of one run of the benchmarks, and the contenders on them; leaving the context ends everything."""

    def __init__(self) -> None:
        self.run = Run.create()
        self.contenders: dict[str, Contender] = {}
        self._stack = ExitStack()
        self._stack.callback(self.run.stop)

    def __enter__(self) -> Self:
        self.run.start([f"forge_{index:02d}" for index in range(ACCOUNTS)])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def generated(self, name: str, **answers: str) -> Contender:
        """Generate a project, add what is measured to it, and install it; once for each name."""
        if name in self.contenders:
            return self.contenders[name]
        variant, endpoints = self._variant(name, answers)
        project = Project(self._directory(name), variant.answers)
        (project.root / "app/tasks/bench_probe.py").write_text((INSIDE / "probe.py").read_text())
        binaries = project.install(self.run.directory / "environments") / "bin"
        contender = Contender(
            name=name,
            broker=str(variant.answers["broker"]),
            root=project.root,
            environment=self._environment(binaries, variant, endpoints) | {"PYTHONPATH": str(project.root)},
            api="app.main:app",
            celery="app.core.celery",
            queues=("bench.default",),
        )
        self.contenders[name] = contender
        if variant.has_database:
            subprocess.run(
                ["alembic", "upgrade", "heads"],
                cwd=project.root,
                env=contender.environment,
                check=True,
                capture_output=True,
            )
        return contender

    def bare(self, name: str, like: Contender, extras: str = "") -> Contender:
        """Set up the bare application, with the packages and on the servers of a generated project."""
        if name in self.contenders:
            return self.contenders[name]
        variant, endpoints = self._variant(name, {"broker": like.broker, "database": "none"})
        root = self._directory(name) / "project"
        root.mkdir(parents=True)
        binaries = Path(like.environment["PATH"].partition(os.pathsep)[0])
        contender = Contender(
            name=name,
            broker=like.broker,
            root=root,
            environment=self._environment(binaries, variant, endpoints) | {"PYTHONPATH": str(INSIDE), "BARE": extras},
            api="bare:api",
            celery="bare:celery",
            queues=("bare",),
        )
        self.contenders[name] = contender
        return contender

    def _directory(self, name: str) -> Path:
        return self.run.directory / "variants" / name.replace(" ", "-")

    def _variant(self, name: str, answers: dict[str, str]) -> tuple[Variant, dict[str, Endpoint]]:
        """Return an account of its own on the servers that the answers need."""
        assert len(self.contenders) < ACCOUNTS, f"no account is left for {name}"
        asked = {question.name for question in questions.asked()}
        unlocked = {"auth": "none"} if "auth" in asked else {}
        complete: Answers = {
            "project_name": "Bench",
            "broker": "redis",
            "database": "none",
            "result_backend": "redis",
            "beat": "none",
            "flower": False,
            "docker": False,
            **unlocked,
            **answers,
        }
        variant = Variant(len(self.contenders), complete)
        return variant, {server: self.run.endpoint(server) for server in variant.servers}

    def _environment(self, binaries: Path, variant: Variant, endpoints: dict[str, Endpoint]) -> dict[str, str]:
        directory = self.run.directory / "data"
        directory.mkdir(exist_ok=True)
        return {
            "ENVIRONMENT": "production",
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "RATE_LIMIT": "1000000/second",
            "PATH": f"{binaries}{os.pathsep}{os.defpath}",
            RUN_VARIABLE: str(self.run.directory),
            **variant.environment(endpoints, directory),
        }

    def server(self, name: str) -> list[psutil.Process]:
        """Return the processes of a server."""
        supervisor = psutil.Process(int((self.run.directory / "supervisor.pid").read_text()))
        place = str(self.run.directory / name)
        return [process for process in supervisor.children(recursive=True) if _cwd(process).startswith(place)]

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a server as a hung machine would: its connections stay open and nothing answers."""
        processes = self.server(name)
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()


@contextmanager
def serving(contender: Contender) -> Iterator[tuple[Process, int]]:
    """Run a contender's API on a free port."""
    port = free_port()
    command = ("uvicorn", contender.api, "--host", "127.0.0.1", "--port", str(port))
    with contender.start(*command) as process:
        wait_for(f"{contender.name} answers", lambda: _answers(process, port), within=START_SECONDS)
        yield process, port


def _answers(process: Process, port: int) -> bool:
    if process.process.poll() is not None:
        raise SystemExit(f"{process.name} ended by itself\n{tail(process.log)}")
    return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200


def _cwd(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except psutil.Error:  # it has ended
        return ""


def cpu(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds of some processes, those of their ended children included."""
    total = 0.0
    for process in processes:
        try:
            total += sum(process.cpu_times()[:4])  # user and system, of itself and of children that it has waited for
        except psutil.NoSuchProcess:
            continue
    return total
