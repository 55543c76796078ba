"""A project whose PostgreSQL is reached through PgBouncer, which hands each transaction another server session."""

import pytest

from forge_cli import questions
from forge_cli.questions import Answers

from .booted import Booted
from .databases import PgBouncer, PostgreSQL
from .promises import BASICS
from .run import Endpoint, Run
from .servers import password
from .supervisor import RUN_VARIABLE
from .test_boot import require
from .variants import ACCOUNTS, Variant

pytestmark = pytest.mark.boot

ANSWERS: Answers = {"broker": "redis", "database": "postgresql", "result_backend": "database", "beat": "database",
                    "auth": "none", "flower": False, "docker": False}  # fmt: skip
VARIANT = Variant(45, questions.complete({"project_name": "Demo Project", **ANSWERS}))


@pytest.mark.skipif(PgBouncer.binary() is None, reason="pgbouncer is not installed: apt-get install pgbouncer")
def test_a_project_behind_a_pooler_keeps_its_promises(boot_run: Run) -> None:
    for name in VARIANT.servers:
        require(name)
    boot_run.start(ACCOUNTS)
    place = boot_run.directory / "pooler"
    place.mkdir()
    place.chmod(0o711)
    accounts = {VARIANT.account: password()}
    marks = {RUN_VARIABLE: str(boot_run.directory)}
    database, pooler = PostgreSQL(place, accounts, marks), PgBouncer(place, accounts, marks)
    pooler.behind = database
    endpoints = {"redis": boot_run.endpoint("redis"), "postgresql": Endpoint(pooler.port, accounts)}
    try:
        database.start()
        pooler.start()
        with Booted(VARIANT, boot_run, endpoints, place / "variant") as booted:
            booted.install()
            for promise in BASICS:
                with booted.step(promise.__name__):
                    promise(booted)
    finally:
        pooler.stop()
        database.stop()
