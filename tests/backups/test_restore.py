"""A backup that the scheduler has made gives back everything, and nobody sees the password."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.boot.polling import wait_for
from tests.faults.running import Figures
from tests.faults.stage import START_SECONDS

from . import ledger
from .projects import APP_SECONDS, BackupStage
from .servers import PASSWORD, HardMariaDB, HardPostgreSQL
from .watch import Watch

pytestmark = pytest.mark.faults


def test_the_scheduler_makes_a_backup_that_gives_back_every_row_and_the_application_works_on_it(
    stage: BackupStage, place: Path
) -> None:
    stage.start_worker("worker", BACKUP_DIRECTORY=str(place))
    before = stage.tell(ledger.READ)
    schedule = str(stage.directory / "schedule")
    beat = stage.start("beat", "celery", "-A", "app.core.celery", "beat", "--schedule", schedule,
                       BACKUP_SCHEDULE="every 5 seconds")  # fmt: skip
    made = wait_for("a backup is there", lambda: sorted(place.glob("*.gz")), within=APP_SECONDS)[0]
    beat.kill()

    assert made.stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    manifest = json.loads(made.with_name(f"{made.name}.json").read_text())
    assert manifest["engine"] == stage.database
    labels = {name.removeprefix("public."): rows for name, rows in manifest["rows"].items()}
    assert {name: labels[name] for name in before if name in labels} == {
        name: rows[0] for name, rows in before.items() if name in labels
    }
    assert labels["bulk"] == 15_000

    url = stage.empty_database()

    def restored() -> bool:
        # Another backup may be running still.
        done = stage.app(place, "restore", made.name, "--yes", RESTORE_INTO=url)
        return done.returncode == 0

    wait_for("the backup is restored", restored, within=APP_SECONDS, every=2)
    assert stage.tell(ledger.READ, url) == before
    works_on(stage, url)


def works_on(stage: BackupStage, url: str) -> None:
    """Run the application on a database for a while, and then again on its own."""
    own = stage.environment["DATABASE_URL"]
    for address in (url, own):
        stage.environment["DATABASE_URL"] = address
        stage.processes["api"].kill()
        stage.start_api()
        wait_for("the API answers", stage.live, within=START_SECONDS)
        stage.start_worker()
        task = stage.enqueue("app.tasks.database_task.process_user_data", user_id=60)
        assert stage.api.result(task, within=START_SECONDS)["records"] >= 1
        assert stage.api.http.get("/health/ready").json()["status"] == "ok"


def test_the_password_is_seen_nowhere(stage: BackupStage, place: Path) -> None:
    with Watch() as watch:
        done = [
            stage.app(place, "backup"),
            stage.app(place, "restore", "latest", "--yes", RESTORE_INTO=stage.empty_database()),
            stage.app(place, "backups", "drill"),
        ]

    hidden = {PASSWORD, quote(PASSWORD, safe=""), repr(PASSWORD)[1:-1]}
    for each in done:
        assert each.returncode == 0
        assert not any(word in each.stdout + each.stderr for word in hidden)
    seen = {line for line in watch.command_lines if any(word in line for word in hidden)}
    assert seen == set()
    if stage.database != "sqlite":
        assert watch.environments
    secrets = {value for name, value in stage.environment.items() if re.search("URL|BACKEND|AUTH|KEY|TOKEN", name)}
    for name, environment in watch.environments.items():
        assert not secrets & set(environment.values()), name
        assert not any(word in value for word in hidden for value in environment.values()), name
    for log in stage.logs().values():
        text = log.read_text(errors="replace")
        assert not any(word in text for word in hidden), log


def test_a_database_that_is_not_empty_is_replaced_only_by_force(stage: BackupStage) -> None:
    url = stage.empty_database()
    place = stage.place_with_a_backup()
    assert stage.app(place, "restore", "latest", "--yes", RESTORE_INTO=url).returncode == 0
    before = stage.tell(ledger.READ, url)
    stage.tell(ledger.CHANGE, url)
    changed = stage.tell(ledger.READ, url)

    refused = stage.app(place, "restore", "latest", "--yes", RESTORE_INTO=url)
    assert refused.returncode == 1
    assert "is not empty; --force removes what is in it." in refused.stderr
    assert stage.tell(ledger.READ, url) == changed != before

    forced = stage.app(place, "restore", "latest", "--yes", "--force", RESTORE_INTO=url)
    assert forced.returncode == 0
    assert stage.tell(ledger.READ, url) == before


def test_a_drill_restores_the_latest_backup_and_leaves_nothing(
    stage: BackupStage, place: Path, figures: Figures
) -> None:
    assert stage.app(place, "backup").returncode == 0

    drilled = stage.app(place, "backups", "drill")

    assert drilled.returncode == 0
    assert "can be restored: " in drilled.stdout
    assert not stage.scratch_databases()
    figures(drilled.stdout.strip())


def test_a_drill_notices_a_row_that_is_missing(stage: BackupStage) -> None:
    place = stage.place_with_a_backup()
    (path,) = place.glob("*.json")
    manifest = json.loads(path.read_text())
    (table,) = (name for name in manifest["rows"] if name.endswith("alone"))
    manifest["rows"][table] += 1
    path.write_text(json.dumps(manifest))

    drilled = stage.app(place, "backups", "drill")

    assert drilled.returncode == 1
    rows = manifest["rows"][table]
    assert f"{table} has {rows - 1} in place of {rows}" in drilled.stderr
    assert not stage.scratch_databases()


@pytest.mark.on("postgresql")
def test_what_a_provider_keeps_in_the_database_is_left_out_and_left_alone(stage: BackupStage, place: Path) -> None:
    url, server = stage.empty_database(), stage.servers["database"]
    assert isinstance(server, HardPostgreSQL)
    name = url.rpartition("/")[2]
    server.provide(name)
    provided = server.provided(name)
    managed = {"DATABASE_URL": url, "BACKUP_EXCLUDE_SCHEMAS": "shared"}

    filled = stage.app(stage.place_with_a_backup(), "restore", "latest", "--yes", **managed)
    assert filled.returncode == 0
    stage.tell(ledger.WORDS, url)
    before = stage.tell(ledger.READ, url)

    assert "may not read every row of shared.untold: grant" in stage.app(place, "backup", DATABASE_URL=url).stderr
    made = stage.app(place, "backup", **managed)
    assert made.returncode == 0
    assert "left out of the backup: _managed, jobs, shared" in made.stderr
    drilled = stage.app(place, "backups", "drill", **managed)
    assert drilled.returncode == 0
    assert 'permission denied to create extension "pg_stat_statements"' in drilled.stderr

    stage.tell(ledger.CHANGE, url)
    restored = stage.app(place, "restore", "latest", "--yes", "--force", **managed)
    assert restored.returncode == 0
    assert stage.tell(ledger.READ, url) == before
    assert server.provided(name) == provided


@pytest.mark.on("mysql")
def test_an_account_that_may_do_little_backs_up_and_restores_what_an_administrator_has_defined(
    stage: BackupStage, place: Path
) -> None:
    own, server = stage.empty_database(), stage.servers["database"]
    assert isinstance(server, HardMariaDB)
    filled = stage.app(stage.place_with_a_backup(), "restore", "latest", "--yes", DATABASE_URL=own)
    assert filled.returncode == 0
    before = stage.tell(ledger.READ, own)
    little = own.replace(stage.variant.account, server.provide(own.rpartition("/")[2]), 1)

    for url in (own, little):
        made = stage.app(place, "backup", DATABASE_URL=url)
        assert made.returncode == 0
        assert ("left out of the backup: events" in made.stderr) is (url == little)
        restored = stage.app(place, "restore", "latest", "--yes", "--force", DATABASE_URL=url)
        assert restored.returncode == 0
        assert stage.tell(ledger.READ, url) == before
    assert stage.app(place, "backups", "drill", DATABASE_URL=own).returncode == 0


@pytest.mark.on("postgresql", "mysql")
def test_migrations_and_backups_pass_by_a_pooler(stage: BackupStage) -> None:
    direct = stage.url()
    port = str(stage.servers["database"].port)
    # Nobody listens at the pooler's address: whatever asks there fails.
    behind = {"DATABASE_URL": direct.replace(f":{port}/", ":1/"), "DATABASE_DIRECT_URL": direct}
    place = stage.place_with_a_backup()

    assert stage.run_app(["alembic", "upgrade", "heads"], place, **behind).returncode == 0
    assert stage.app(place, "backup", **behind).returncode == 0
    assert stage.app(place, "backups", "drill", **behind).returncode == 0

    refused = stage.app(place, "backup", DATABASE_DIRECT_URL="sqlite:///other.db")
    assert refused.returncode == 1
    assert (
        "DATABASE_DIRECT_URL must lead to the database of DATABASE_URL, and that is of another kind" in refused.stderr
    )
