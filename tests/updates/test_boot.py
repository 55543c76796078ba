"""Projects of the last release, changed by their team, updated and switched to other answers, run on real servers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from uv import find_uv_bin

from forge_cli import questions
from tests.boot.booted import Booted
from tests.boot.endings import clean_logs, delivered, hidden_passwords, sigterm
from tests.boot.promises import (
    beat,
    database,
    flower,
    health,
    migrations,
    notification,
    plain,
    queued,
    strangers,
)
from tests.boot.report import PROPERTY
from tests.boot.run import Run
from tests.boot.scheduling import backups, schedules
from tests.boot.test_boot import require
from tests.boot.variants import ACCOUNTS
from tests.options import STRUCTURE
from tests.updates.conftest import Forge, Project, Template
from tests.updates.switching import START, Switch, Switched, switch

# `docker` and `ci` are left out: they change nothing that runs outside Docker and the pipeline.
UNSEEN = {"docker", "ci"}
SWITCHES = [
    switch(0, "broker=rabbitmq"),
    switch(1, "database=postgresql", before="database=sqlite"),
    switch(2, "database=mysql beat=redis"),
    switch(3, "database=sqlite backup=no auth=none", is_checked=True),
    switch(4, "database=none beat=none"),
    switch(5, "broker=redis auth=jwt flower=no", before="broker=rabbitmq", is_checked=True),
    switch(6, "result_backend=database beat=database"),
    # The files that the user owns have to arrive: the schedule, the models, the task and the table of the example.
    switch(7, "database=postgresql beat=file flower=yes", before="database=none beat=none flower=no"),
]
RESULTS = """
from sqlalchemy import text

from app.core.database import engine

with engine().connect() as connection:
    print(*connection.scalars(text("SELECT task_id FROM celery_taskmeta")))
"""


def orders(booted: Booted) -> None:
    """The team's own route enqueues the team's own task, on a queue of its own, and the result comes back."""
    task_id = booted.api.post("/orders/7/confirm")
    result = booted.api.result(task_id)
    assert result == {"order_id": 7, "currency": "EUR"}, result
    if booted.variant.answers["result_backend"] == "database":
        assert task_id in booted.command("python", "-c", RESULTS).split()


def switched_off(booted: Booted) -> None:
    """What was switched off is no longer there: no package, no command, no file of it."""
    declared = " ".join(booted.project.dependencies())
    listed = booted.command("python", "-m", "app", "--help")
    for is_there, package, command, path in (
        (booted.variant.has_flower, "flower", "", "flowerconfig.py"),
        (booted.variant.has_backup, "boto3", "backup", "app/backups"),
        (booted.variant.has_database, "alembic", "", "alembic.ini"),
        (booted.variant.edits_schedules, "", "schedules", "app/schedules"),
        (booted.variant.auth == "jwt", "pyjwt", "", "app/core/jwks.py"),
        (booted.variant.auth != "none", "", "token", "app/core/tokens.py"),
    ):
        assert (booted.project.root / path).exists() is is_there, path
        assert not package or (package in declared) is is_there, package
        assert not command or (f" {command} " in listed) is is_there, command


PROMISES = [
    migrations,
    queued,
    notification,
    orders,
    health,
    plain,
    database,
    strangers,
    beat,
    schedules,
    backups,
    flower,
    switched_off,
    hidden_passwords,
    sigterm,
    delivered,
    clean_logs,
]


@pytest.fixture(scope="session")
def uv_cache() -> str:
    """Where uv keeps packages, asked before a test has a home of its own."""
    return subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.boot
@pytest.mark.parametrize("what", SWITCHES, ids=lambda what: what.name)
def test_a_project_of_the_last_release_that_was_updated_and_switched_boots_and_keeps_its_promises(
    what: Switch,
    boot_run: Run,
    uv_cache: str,
    forge: Forge,
    project: Project,
    source: Template,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", uv_cache)
    for server in sorted(what.variant.servers):
        require(server)
    boot_run.start(ACCOUNTS)
    old = project(source.last, **what.before)
    endpoints = {server: boot_run.endpoint(server) for server in what.variant.servers}
    directory = boot_run.directory / "switched" / what.name
    with Switched(what, boot_run, endpoints, directory, old, forge) as booted:
        try:
            with booted.step("install"):
                booted.install()
            for promise in PROMISES:
                with booted.step(promise.__name__):
                    promise(booted)
        finally:
            row = {"index": what.variant.index, "name": what.name, "seconds": round(booted.seconds(), 1)}
            record_property(PROPERTY, {**row, "checked": ", ".join(booted.checked)})
    shutil.rmtree(directory)


def test_every_answer_that_is_not_the_default_is_switched_to() -> None:
    wanted = {
        (question.name, value)
        for question in questions.asked()
        if question.name in {*STRUCTURE} - UNSEEN
        for value in question.values
        if value != START[question.name]
    }
    assert wanted <= {(name, value) for what in SWITCHES for name, value in what.after.items()}
    for what in SWITCHES:
        assert all(what.old(name) != value for name, value in what.after.items()), what.name
