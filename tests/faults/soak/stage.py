"""A project with two of each process, every one of which reaches its servers through relays of its own."""

import json
import shutil
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx

from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.run import Run
from tests.boot.servers import Server, free_port
from tests.faults import outages
from tests.faults.projects import Project
from tests.faults.relay import Relay
from tests.faults.stage import START_SECONDS, Stage

from . import containers
from .pusher import Pusher

INSIDE = Path(__file__).parent / "inside"
APIS = ("api-1", "api-2")
WORKERS = ("worker-1", "worker-2")
SCRIPT = "script"
# Seconds. What a killed worker has taken from Redis comes back while the test waits.
SETTINGS = {
    "CELERY_TASK_TIME_LIMIT": "5",
    "CELERY_TASK_SOFT_TIME_LIMIT": "4",
    "CELERY_VISIBILITY_TIMEOUT": "20",
    "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": "2",
}
LONGEST_COUNTDOWN = 8.0


class SoakStage(Stage):
    """One project, whose processes and servers may fail at any moment."""

    def __init__(self, project: Project, run: Run) -> None:
        super().__init__(project, run)
        self.relays: dict[str, dict[str, Relay]] = {}
        self.ports = {name: free_port() for name in APIS}
        self.trace_file = self.directory / "traces"
        self.pusher: Pusher

    def edit(self) -> None:
        """Add the tasks, and the two programs that run beside them."""
        shutil.copy(INSIDE / "soak_tasks.py", self.project.root / "app/tasks")
        for program in ("soak_pusher.py", "soak_dump.py"):
            shutil.copy(INSIDE / program, self.project.root)

    def boot(self) -> None:
        """Start everything, with relays in between."""
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(server.start) for server in self.servers.values()]
            self.install()
            for start in starts:
                start.result()
        self.environment |= SETTINGS | {"SOAK_TRACES": str(self.trace_file)}
        self.trace_file.touch()
        if self.variant.has_database:
            self.command("alembic", "upgrade", "heads")
        for name in (*APIS, *WORKERS, SCRIPT):
            self.relays[name] = {part: self._relay(server) for part, server in self.servers.items()}
        for name in (*APIS, *WORKERS):
            self.start_one(name)
        self.pusher = self._stack.enter_context(
            Pusher(self.project.root, self.environment | self.routed(SCRIPT), self.directory / "script.log")
        )
        self.organization = self.credential.organization
        self.wait_until_ready()

    def _relay(self, server: Server) -> Relay:
        relay = Relay(server.port, server.name)
        self._stack.callback(relay.close)
        return relay

    def routed(self, name: str) -> dict[str, str]:
        """Return the addresses of the servers as a process gets them: those of its relays."""
        changed = {}
        for variable, value in self.addresses().items():
            for relay in self.relays[name].values():
                value = relay.address(value)
            changed[variable] = value
        return changed

    def start_one(self, name: str) -> Process:
        """Start one of the project's processes."""
        if name in APIS:
            command = ["uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(self.ports[name])]
        else:
            command = ["celery", "-A", "app.core.celery", "worker", "--loglevel", "INFO", "--concurrency", "2"]
            command += ["--hostname", f"{name}@%h"]
        return self.start(name, *command, **self.routed(name))

    def client(self, name: str, timeout: float = 15.0, headers: Mapping[str, str] | None = None) -> httpx.Client:
        """Return a client of one of the two API processes."""
        address = f"http://127.0.0.1:{self.ports[name]}"
        return httpx.Client(base_url=address, headers=headers or self.credential.headers, timeout=timeout)

    def wait_until_ready(self) -> None:
        """Wait until both API processes say that everything works."""
        for name in APIS:
            with self.client(name) as client:

                def ready(client: httpx.Client = client) -> bool:
                    return bool(client.get("/health/ready").json()["status"] == "ok")

                wait_for(f"{name} is ready", ready, within=START_SECONDS, every=0.5)

    def heal(self) -> None:
        """Let every server answer, every connection pass and every process run."""
        for server in self.servers.values():
            if not server.running():
                server.launch()
        for relays in self.relays.values():
            for relay in relays.values():
                relay.heal()
        for name in (*APIS, *WORKERS):
            process = self.processes[name]
            for member in process.family():
                member.send_signal(signal.SIGCONT)
            if process.process.poll() is not None:
                self.start_one(name)
        self.wait_until_ready()

    def outage(self, part: str) -> AbstractContextManager[None]:
        """Keep a server away for as long as a block lasts."""
        server = self.servers[part]
        return containers.down(server) if isinstance(server, containers.Container) else outages.down(server)

    def freeze(self, part: str) -> AbstractContextManager[None]:
        """Let a server stand still for as long as a block lasts."""
        server = self.servers[part]
        return containers.frozen(server) if isinstance(server, containers.Container) else outages.frozen(server)

    def dump(self) -> dict[str, Any]:
        """Return what the stores hold, by the id of the job: its `record` and its `result`."""
        told: dict[str, Any] = json.loads(self.command("python", "soak_dump.py"))
        return told
