"""A project with schedules: its schedulers, and what operators do with its schedules."""

from typing import Any

from tests.boot.client import said
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.faults import stage as faults

START_SECONDS = 30.0
NOTE = f"app.tasks.{faults.TASKS}.note"

# Writes into the store as anybody could who reaches it: there is no check.
WRITE = """
import json
from app.schedules.store import store

for name, definition in json.loads({written!r}).items():
    before = store.read().get(name)
    assert store.write(name, before and before.definition, definition)
"""


class Stage(faults.Stage):
    """One project on servers of its own, whose schedulers a test starts and kills."""

    def start_scheduler(self, name: str = "beat") -> Process:
        """Start a scheduler, and wait until it has looked at the store or has found that it is away."""
        alive = self.directory / f"{name}.alive"
        alive.unlink(missing_ok=True)
        process = self.start(name, "celery", "-A", "app.core.celery", "beat", HEARTBEAT_FILE=str(alive))
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


def traced(path: object) -> dict[str, Any]:
    """Return a schedule that leaves a trace in a file each second."""
    return {"task": NOTE, "when": {"every": 1}, "kwargs": {"path": str(path)}}
