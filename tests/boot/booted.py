"""A variant that runs: its project, its processes, and a client of its API."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx

from .client import Api
from .credentials import KINDS
from .processes import Process, tail
from .project import Project
from .run import Endpoint, Run
from .servers import free_port
from .supervisor import RUN_VARIABLE
from .variants import Variant

COMMAND_SECONDS = 60.0

# What Kubernetes, and other programs' settings, put into every process of a real host; none of it may change anything.
NOWHERE = "redis://elsewhere.example:1/0"
FOREIGN = {
    **dict.fromkeys(("BROKER_URL", "RESULT_BACKEND", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"), NOWHERE),
    **dict.fromkeys(("FLOWER_PORT", "REDIS_PORT", "API_PORT", "DATABASE_PORT"), "tcp://10.0.0.1:5555"),
    "CELERY_CONFIG_MODULE": "nowhere",
    "CELERY_LOADER": "nowhere:Loader",
}


class Booted:
    """One variant from the first file to the last process; leaving the context ends whatever still runs."""

    foreign: Mapping[str, str] = FOREIGN

    def __init__(self, variant: Variant, run: Run, endpoints: Mapping[str, Endpoint], directory: Path) -> None:
        self.variant = variant
        self.run = run
        self.directory = directory
        self.endpoints = endpoints
        self.flower_user = ("operator", f"f1ower%@{secrets.token_hex(8)}")
        self.credential = KINDS[variant.auth]()
        self.project: Project
        self.api: Api
        self.flower: httpx.Client
        self.processes: dict[str, Process] = {}
        self.recovering: str
        self.hopeless: list[str]
        self.fails_on_purpose: set[str] = set()
        self.checked: list[str] = []
        self.started = time.monotonic()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def install(self) -> None:
        """Make the project, edit it as its owner would, and install what it declares."""
        self.project = self.make()
        self.edit()
        virtual_environment = self.project.install(self.run.directory / "environments")
        self.environment = {
            "ENVIRONMENT": "production",
            "FLOWER_BASIC_AUTH": ":".join(self.flower_user),
            "HOME": str(self.directory),
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",  # a process that ends on a signal would take its last words with it
            "PATH": f"{virtual_environment}/bin{os.pathsep}{os.defpath}",
            RUN_VARIABLE: str(self.run.directory),
            **self.foreign,
            **self.credential.environment,
            **self.addresses(),
        }

    def addresses(self) -> Mapping[str, str]:
        """Return the variables that tell the project where its servers are."""
        return self.variant.environment(self.endpoints, self.directory)

    def make(self) -> Project:
        """Make the project's files."""
        return Project(self.directory, self.variant.answers)

    def edit(self) -> None:
        """Change the project as its owner would."""
        self.project.add_probe()

    def command(self, *command: str, **environment: str) -> str:
        """Run a command of the project to its end, and return what it printed."""
        log = self.directory / f"{command[0]}.log"
        with log.open("ab") as errors:
            done = subprocess.run(
                command,
                cwd=self.project.root,
                env=self.environment | environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                timeout=COMMAND_SECONDS,
            )
            errors.write(done.stdout.encode())
        assert done.returncode == 0, f"`{' '.join(command)}` exited with {done.returncode}"
        return done.stdout

    def start(self, name: str, *command: str, **environment: str) -> Process:
        """Start a process of the project."""
        log = self.directory / f"{name}.log"
        process = Process(command, cwd=self.project.root, environment=self.environment | environment, log=log)
        self.processes[name] = self._stack.enter_context(process)
        return process

    def start_api(self, **environment: str) -> None:
        """Start the API on a free port."""
        port = free_port()
        self.start("api", "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(port), **environment)
        self.api = Api(self._client(port, self.credential.headers))

    def start_flower(self, **environment: str) -> None:
        """Start Flower on a free port."""
        port = free_port()
        self.celery("flower", f"--port={port}", "--address=127.0.0.1", **environment)
        self.flower = self._client(port)

    def _client(self, port: int, headers: Mapping[str, str] | None = None) -> httpx.Client:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10)
        return self._stack.enter_context(client)

    def celery(self, *command: str, **environment: str) -> None:
        """Start one of Celery's processes, named after its command."""
        self.start(command[0], "celery", "-A", "app.core.celery", *command, **environment)

    def start_beat(self) -> None:
        """Start the scheduler; Celery's own keeps a file."""
        own = self.variant.answers["beat"] == "file"
        self.celery("beat", *(["--schedule", str(self.directory / "schedule")] if own else []))

    def logs(self) -> dict[str, Path]:
        """Return the file of every process's output."""
        return {path.stem: path for path in sorted(self.directory.glob("*.log"))}

    def secrets(self) -> set[str]:
        """Return every password, key and token that must not be seen anywhere."""
        return {
            self.flower_user[1],
            *self.credential.secrets,
            *(endpoint.passwords[self.variant.account] for endpoint in self.endpoints.values()),
        }

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note that something was checked, and its seconds; a failure shows what every process has said."""
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            tails = "\n".join(tail(path) for path in self.logs().values())
            raise AssertionError(f"{self.variant.name}: {name}: {error}\n{tails}") from error
        self.checked.append(f"{name} {time.monotonic() - started:.1f}")

    def seconds(self) -> float:
        """Return the time since the variant's turn began."""
        return time.monotonic() - self.started
