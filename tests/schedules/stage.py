"""A project with schedules: its schedulers, their clocks and the store's, and what operators do with its schedules."""

from collections.abc import Mapping
from typing import Any

from tests.boot.client import said
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.run import Run
from tests.boot.servers import Server
from tests.faults import stage as faults
from tests.faults.projects import Project

from .clocks import Clock

START_SECONDS = 30.0
NOTE = f"app.tasks.{faults.TASKS}.note"

# Writes into the store as anybody could who reaches it: there is no check.
WRITE = """
import json
from app.schedules.store import store

for name, definition in json.loads({written!r}).items():
    before = store.read().schedules.get(name)
    assert store.write(name, before and before.definition, definition)
"""

# The same with what was noted of a schedule.
NOTE_DOWN = """
from app.schedules.store import store

assert store.note({name!r}, store.read().schedules[{name!r}].progress, {noted!r})
"""

# Says which tasks there must have been, in the project's own words.
EXPECTED = """
from app.schedules.entry import read
from app.schedules.runs import run_id
from app.schedules.store import store

found = store.read()
for name, stored in found.schedules.items():
    if name.startswith({prefix!r}):
        entry = read(name, stored, found.now)
        due = entry.definition.after(entry.definition.since)
        while due and due <= entry.done_until:
            print(run_id(name, due))
            due = entry.definition.after(due)
"""


class Stage(faults.Stage):
    """One project on servers of its own, whose schedulers a test starts and kills."""

    def __init__(self, project: Project, run: Run, servers: Mapping[str, Server] | None = None) -> None:
        super().__init__(project, run, servers)
        self.store = self.servers["store" if "store" in self.servers else "database"]
        self.store_clock = self.clock("store")
        # Not the time zone of this machine: what a server says that it is must mean the same here.
        self.store.marks |= {**self.store_clock.environment, "TZ": "Asia/Tokyo"}

    def clock(self, name: str, seconds: int = 0) -> Clock:
        """Return a clock for a process, which is ahead by so many seconds."""
        clock = Clock(self.directory.parent / f"{name}.clock")
        clock.set(seconds)
        return clock

    def heal(self) -> None:
        """Leave what the next test expects, the right time included."""
        self.store_clock.set(0)
        super().heal()

    def start_scheduler(self, name: str = "beat", **environment: str) -> Process:
        """Start a scheduler, and wait until it has looked at the store or has found that it is away."""
        alive = self.directory / f"{name}.alive"
        alive.unlink(missing_ok=True)
        command = ["celery", "-A", "app.core.celery", "beat"]
        process = self.start(name, *command, HEARTBEAT_FILE=str(alive), **environment)
        wait_for(f"{name} runs", alive.exists, within=START_SECONDS)
        process.expect_alive()
        return process

    def call(self, method: str, name: str = "", body: dict[str, Any] | None = None, *, expected: int = 200) -> Any:
        """Make a request for schedules as an administrator, and return the answer."""
        path = f"/schedules/{name}" if name else "/schedules"
        answer = self.api.http.request(method, path, json=body, headers=self.credential.admin)
        assert answer.status_code == expected, said(answer)
        return answer.json() if answer.content else None

    def add(self, name: str, path: object, **fields: Any) -> None:
        """Add a schedule that leaves a trace in a file each second, unless it says otherwise."""
        self.call("POST", body={"name": name, **traced(path), **fields}, expected=201)

    def state(self, name: str) -> str:
        """Return the state of a schedule."""
        return str(self.call("GET", name)["state"])

    def clear(self) -> None:
        """Remove every schedule that is not of the code."""
        for found in self.call("GET"):
            if not found["name"].startswith(("report-", "celery.")):
                self.call("DELETE", found["name"], expected=204)

    def write(self, written: str) -> None:
        """Write definitions straight into the store, as JSON by name."""
        self.script(WRITE.format(written=written))

    def note_down(self, name: str, noted: str) -> None:
        """Write straight into the store how far a schedule has come, as JSON."""
        self.script(NOTE_DOWN.format(name=name, noted=noted))

    def expected(self, prefix: str) -> list[str]:
        """Return the ids of all runs of some schedules that are noted as dealt with."""
        return self.script(EXPECTED.format(prefix=prefix)).split()


def traced(path: object) -> dict[str, Any]:
    """Return a schedule that leaves a trace in a file each second."""
    return {"task": NOTE, "when": {"every": 1}, "kwargs": {"path": str(path)}}
