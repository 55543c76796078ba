"""The database of every release, with what a team and its callers have put there, under the present template."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from forge_cli.questions import Answers
from tests.boot.run import Endpoint, Run
from tests.boot.servers import free_port
from tests.boot.test_boot import require
from tests.boot.variants import ACCOUNTS, VARIANTS, Variant
from tests.schedules.projects import PROJECTS
from tests.updates.beside import Brought
from tests.updates.conftest import WORKING, Forge, Project, Template
from tests.updates.test_boot import SWITCHES, uv_cache

__all__ = ["uv_cache"]

# Those that run side by side, for they are installed already.
ANSWERS: dict[str, Answers] = {
    "postgresql": PROJECTS["postgresql"].variant.answers,
    "mysql": PROJECTS["mysql"].variant.answers,
    "sqlite": {**PROJECTS["mysql"].variant.answers, "database": "sqlite"},
}
FILL = """
from alembic.config import main

main(["upgrade", "heads"])

from app.cli import cli
from app.core.database import session
from app.jobs.service import JobsService
from app.orders.models import Order

nightly = ["--task", "orders.confirm", "--every", "86400", "--kwargs", '{{"order_id": 7, "currency": "EUR"}}']
cli(["schedules", "add", "nightly", *nightly], standalone_mode=False)
with session() as db:
    db.add(Order(id=7, currency="EUR"))
    print(JobsService().push_task("orders.confirm", {organization!r}, order_id=7, currency="EUR").task_id)
"""
LOOK = """
from alembic.config import main

main(["upgrade", "heads"])
main(["check"])

from app.cli import cli
from app.core.database import session
from app.jobs.models import JobRecord
from app.orders.models import Order

cli(["schedules", "list"], standalone_mode=False)
with session() as db:
    print("order", db.get_one(Order, 7).currency)
    print("job", db.get_one(JobRecord, {task_id!r}).status)

main(["downgrade", "base"])
"""


class Offline(Brought):
    """A version of a project that has its database, and no broker."""

    def __init__(
        self, variant: Variant, run: Run, endpoints: Mapping[str, Endpoint], directory: Path, files: Path
    ) -> None:
        super().__init__(variant, run, endpoints, directory)
        self.files = files

    def addresses(self) -> Mapping[str, str]:
        """Return the same addresses for every version, also that of a file."""
        return self.variant.environment(self.endpoints, self.directory.parent)

    def edit(self) -> None:
        """Leave it as it is."""


@pytest.mark.boot
@pytest.mark.parametrize("database", ANSWERS)
def test_the_database_of_every_release_is_migrated_with_what_it_holds(
    database: str,
    boot_run: Run,
    uv_cache: str,
    forge: Forge,
    project: Project,
    source: Template,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", uv_cache)
    variant = Variant(len(VARIANTS) + len(SWITCHES) + [*ANSWERS].index(database), ANSWERS[database])
    # Nobody answers where the other servers should be.
    endpoints = {server: Endpoint(free_port(), {variant.account: "none"}) for server in variant.servers}
    if database in variant.servers:
        require(database)
        boot_run.start(ACCOUNTS)
        endpoints[database] = boot_run.endpoint(database)
    for release in source.outdated:
        directory = boot_run.directory / "migrated" / database / release
        files = project(release, **variant.answers)
        updated = shutil.copytree(files, files.with_name("updated"), symlinks=True)
        assert forge("update", updated, "--to", WORKING, "--yes").code == 0
        with (
            Offline(variant, boot_run, endpoints, directory / "old", files) as old,
            Offline(variant, boot_run, endpoints, directory / "new", updated) as new,
        ):
            with old.step("fill"):
                old.install()
                fill = FILL.format(organization=old.credential.organization)
                task_id = old.command("python", "-c", fill).split()[-1]
            with new.step("look"):
                new.install()
                told = new.command("python", "-c", LOOK.format(task_id=task_id))
                for expected in ("nightly", "order EUR\n", "job QUEUED\n"):
                    assert expected in told, told
        shutil.rmtree(directory)
