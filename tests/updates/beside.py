"""Two versions of one project on the same servers, as they run while a new one is rolled out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge_cli.questions import Answers
from tests.boot.booted import Booted
from tests.boot.client import said
from tests.boot.project import Project as Installed
from tests.boot.run import Run
from tests.boot.servers import free_port
from tests.faults.projects import Project
from tests.schedules.stage import Stage

TASKS = '''\
"""Tasks that end as another task, or on another worker."""

from pathlib import Path
from typing import Any

from app.core.celery import celery_app
from app.tasks.base import BaseTask
from app.tasks.fault_probe import note, trace


@celery_app.task(bind=True, public=True)
def replaced(self: BaseTask, path: str) -> Any:
    """Go on as another task."""
    return self.replace(note.si(path, "went on"))


@celery_app.task(bind=True, public=True)
def moves(self: BaseTask, path: str, seconds: float) -> int:
    """Say which version runs it, and run once more after so many seconds."""
    trace(path, str(Path(__file__).parents[2]))
    if self.request.retries == 0:
        raise self.retry(countdown=seconds)
    return self.request.retries
'''


class Brought(Booted):
    """A project whose files exist, and move to where it runs."""

    files: Path
    foreign: Mapping[str, str] = {}  # releases up to 0.3.0 take them for their own

    def make(self) -> Installed:
        """Move the files."""
        return Installed(self.directory, self.variant.answers, self._bring)

    def _bring(self, _: Answers, place: Path) -> None:
        shutil.move(self.files, place)


class Version(Brought, Stage):
    """One version of a project that its team has changed. It starts the servers, or joins another one on them."""

    def __init__(self, kind: Project, run: Run, *, files: Path, beside: Version | None = None) -> None:
        """Take the project's files."""
        super().__init__(kind, run, beside.servers if beside else None)
        self.files = files
        if beside:
            self.credential, self.organization = beside.credential, beside.organization

    def edit(self) -> None:
        """Add the tasks of these tests."""
        super().edit()
        self.project.add_tasks("moving_probe", TASKS)

    def join(self) -> None:
        """Install what is declared, migrate the database, which the other version goes on using, and start the API."""
        self.install()
        self.serve()
        if self.variant.has_database:
            self.command("alembic", "check")

    def ask(self, task: str, **arguments: object) -> str:
        """Ask for one of the tasks in `TASKS`, and return its id."""
        return self.enqueue(f"app.tasks.moving_probe.{task}", **arguments)

    def ask_once(self, key: str, path: Path) -> Mapping[str, Any]:
        """Ask for a trace with an idempotency key, and return the answer."""
        answer = self.api.http.post(
            "/tasks/app.tasks.fault_probe.note", json={"path": str(path)}, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 202, said(answer)
        told: dict[str, Any] = answer.json()
        return told

    def without_a_broker(self) -> dict[str, str]:
        """Return the variable of a process that finds nobody where the broker should be."""
        address = re.sub(r":\d+/", f":{free_port()}/", self.environment["CELERY_BROKER_URL"])
        return {"CELERY_BROKER_URL": address}

    def letters(self) -> set[str]:
        """Return the id of every dead letter, as this version shows them."""
        answer = self.administer("GET", "/dead-letters")
        assert answer.status_code == 200, said(answer)
        return {letter["id"] for letter in answer.json()}
