"""Projects in production, on real servers: what is wrong with these, and what the project's work would miss there."""

from pathlib import Path

import pytest

from tests.boot.brokers import Redis
from tests.boot.polling import wait_for
from tests.boot.servers import free_port
from tests.faults import outages

from .projects import Servers
from .test_without_servers import stand_in

pytestmark = pytest.mark.boot

WORKER_SECONDS = 60.0
# What each server is to each project, and the setting that says where it is.
ROLES = {
    "postgresql": {
        "broker": {
            "broker": "CELERY_BROKER_URL",
            "results": "CELERY_RESULT_BACKEND",
            "schedules": "SCHEDULE_STORE_URL",
        },
        "database": {"database": "DATABASE_URL"},
    },
    "mysql": {
        "broker": {"broker": "CELERY_BROKER_URL"},
        "database": {"database": "DATABASE_URL", "results": "CELERY_RESULT_BACKEND"},
    },
}
NAMES = {
    "broker": "broker", "results": "result backend", "schedules": "store of schedules", "database": "database",
}  # fmt: skip
DUMPERS = {
    "postgresql": ("pg_dump", "pg_dump (PostgreSQL) 9.6.1"),
    "mysql": ("mariadb-dump", "mariadb-dump  Ver 10.19 Distrib 5.5.62-MariaDB, for debian-linux-gnu (x86_64)"),
}
STORED = """
import json
from app.schedules.store import store
stored = {"task": "app.tasks.gone.task", "when": {"every": 60}, "since": "2026-01-01T00:00:00Z"}
store.write("from-yesterday", None, json.dumps(stored))
"""
FORGET = """
from app.schedules.store import store
store.write("from-yesterday", store.read().schedules["from-yesterday"].definition, None)
"""


def settings(stage: Servers) -> dict[str, str]:
    """The setting of each role that a server plays."""
    return {role: setting for roles in ROLES[stage.variant.database].values() for role, setting in roles.items()}


def test_nothing_keeps_a_project_from_running_whose_servers_let_it_in(stage: Servers) -> None:
    examined = stage.examine()
    assert examined.problems() == set()
    for role in settings(stage):
        assert examined.of(f"servers.{role}").text.endswith(" lets the project in.")
    assert examined.of("servers.migrations").level == "ok"
    assert examined.of("tools.dump").text.startswith(f"`{DUMPERS[stage.variant.database][0]}` ")
    assert examined.of("secrets.known").text == "No secret is one that everybody knows."
    assert examined.of("queues.workers").level == "warning"  # none runs at all


def test_a_server_that_is_stopped_cannot_be_reached(stage: Servers) -> None:
    for name, roles in ROLES[stage.variant.database].items():
        server = stage.servers[name]
        with outages.down(server):
            examined = stage.examine()
        assert examined.problems() == {f"servers.{role}" for role in roles}
        for role, setting in roles.items():
            said = examined.of(f"servers.{role}")
            assert said.text.startswith(f"The {NAMES[role]} at `")
            assert f"127.0.0.1:{server.port}" in said.text
            assert said.text.endswith(" cannot be reached.")
            assert said.remedy == f"Start it, or correct {setting}."


def test_a_server_that_stands_still_does_not_hold_the_doctor(stage: Servers) -> None:
    for name, roles in ROLES[stage.variant.database].items():
        with outages.frozen(stage.servers[name]):
            examined = stage.examine()
        assert examined.problems() == {f"servers.{role}" for role in roles}
        assert {examined.of(f"servers.{role}").text.rpartition("` ")[2] for role in roles} == {"does not answer."}


def test_a_server_that_refuses_the_password_is_named(stage: Servers) -> None:
    wrong = {setting: with_another_password(stage.environment[setting]) for setting in settings(stage).values()}
    examined = stage.examine(**wrong)
    assert examined.problems() == {f"servers.{role}" for role in settings(stage)}
    for role, setting in settings(stage).items():
        said = examined.of(f"servers.{role}")
        assert " refuses to let the project in (" in said.text
        assert str(said.remedy).startswith(f"Correct the user and the password in {setting}")
    assert "not-the-one" not in examined.printed


def with_another_password(url: str) -> str:
    """An address with a wrong password in it."""
    scheme, _, rest = url.partition("://")
    account, _, place = rest.rpartition("@")
    return f"{scheme}://{account.partition(':')[0]}:not-the-one@{place}"


def test_a_database_that_is_not_there_is_named(stage: Servers) -> None:
    there = stage.environment["DATABASE_URL"]
    examined = stage.examine(DATABASE_URL=f"{there}_of_nobody")
    said = examined.of("servers.database")
    # MariaDB does not tell whoever may not use a database that there is none.
    expected = "answers, but has nothing of that name" if stage.variant.database == "postgresql" else "refuses"
    assert expected in said.text
    assert "_of_nobody" in said.text


@pytest.mark.on("mysql")
def test_a_virtual_host_that_is_not_there_is_named(stage: Servers) -> None:
    examined = stage.examine(CELERY_BROKER_URL=f"{stage.environment['CELERY_BROKER_URL']}-of-nobody")
    assert "answers, but has nothing of that name" in examined.of("servers.broker").text


@pytest.mark.on("postgresql")
def test_a_host_that_nobody_knows_is_named(stage: Servers) -> None:
    wrong = {
        setting: stage.environment[setting].replace("@127.0.0.1:", "@nowhere.invalid:")
        for setting in settings(stage).values()
    }
    examined = stage.examine(**wrong)
    for role in settings(stage):
        assert "nothing knows the name of its host" in examined.of(f"servers.{role}").text, examined.printed


def test_a_database_without_its_tables_is_to_be_migrated(stage: Servers) -> None:
    stage.command("alembic", "downgrade", "base")
    try:
        said = stage.examine().of("servers.migrations")
    finally:
        stage.command("alembic", "upgrade", "heads")
    assert (said.level, said.remedy) == ("problem", "Run `make migrate`.")


def test_a_dump_program_that_is_older_than_the_server_is_a_problem(stage: Servers, tmp_path: Path) -> None:
    name, version = DUMPERS[stage.variant.database]
    stand_in(tmp_path, name, f"echo '{version}'")
    said = stage.examine(path=str(tmp_path)).of("tools.dump")
    assert said.level == "problem"
    assert said.text.startswith(f"`{name}` is ")
    assert ", older than the server, which is " in said.text


def test_a_queue_that_no_worker_consumes_is_told_from_no_worker_at_all(stage: Servers) -> None:
    assert stage.examine().of("queues.workers").text.startswith("No worker has been seen")
    stage.start_worker("worker", "--queues", "default,ai")

    def seen() -> bool:
        return "No worker has been seen" not in stage.examine().of("queues.workers").text

    wait_for("the worker is seen", seen, within=WORKER_SECONDS, every=0.5)
    with_tasks = stage.examine().of("queues.workers")
    assert with_tasks.level == "problem"
    assert with_tasks.text.startswith("Workers run, but none consumes the queue `datasync`")
    assert "--queues datasync" in str(with_tasks.remedy)

    stage.start_worker("other", "--queues", "datasync")
    served = "Workers consume every queue: ai, datasync, default."
    wait_for(
        "both workers are seen",
        lambda: stage.examine().of("queues.workers").text == served,
        within=WORKER_SECONDS,
        every=0.5,
    )


def test_a_stored_schedule_whose_task_is_gone_is_named(stage: Servers) -> None:
    stage.script(STORED)
    try:
        said = stage.examine().of("schedule.stored")
    finally:
        stage.script(FORGET)
    assert said.level == "problem"
    assert said.text == (
        "The stored schedule `from-yesterday` cannot run: no task is registered as 'app.tasks.gone.task'."
    )


@pytest.mark.on("postgresql")
def test_the_ports_of_development_are_no_problem_in_production(stage: Servers) -> None:
    port = stage.servers["broker"].port
    assert stage.examine(PORT=str(port)).of(f"ports.{port}").level == "warning"
    assert stage.examine(PORT=str(port), ENVIRONMENT="development").of(f"ports.{port}").level == "problem"


@pytest.mark.on("postgresql")
def test_a_redis_on_which_celery_cannot_work_is_told(stage: Servers) -> None:
    redis = stage.servers["broker"]
    assert isinstance(redis, Redis)
    with redis.client() as operator:
        operator.acl_setuser("limited", enabled=True, passwords="+secret", keys=["demo*"], commands=["+@all"])
    limited = {"CELERY_BROKER_URL": f"redis://limited:secret@127.0.0.1:{redis.port}/0"}
    assert "does not let the project do what Celery does" in stage.examine(**limited).of("servers.broker").text

    redis.follow(free_port())
    told = stage.examine().of("servers.broker").text
    redis.follow(None)
    assert "is a replica, which can only be read" in told


@pytest.mark.on("postgresql")
def test_a_redis_that_evicts_is_told(stage: Servers) -> None:
    redis = stage.servers["broker"]
    assert isinstance(redis, Redis)
    with redis.client() as operator:
        before = operator.config_get("maxmemory-policy")["maxmemory-policy"]
        operator.config_set("maxmemory-policy", "allkeys-lru")
        try:
            examined = stage.examine()
        finally:
            operator.config_set("maxmemory-policy", before)

    said = examined.findings["servers.eviction"]
    assert {each.level for each in said} == {"warning"}
    assert {each.text.partition(" at ")[0] for each in said} == {"The broker", "The store of schedules"}
    assert all("(`maxmemory-policy allkeys-lru`)" in each.text for each in said)
