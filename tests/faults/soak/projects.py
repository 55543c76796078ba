"""The projects that are soaked: each broker with each kind of record."""

import os

from tests.boot.brokers import RabbitMQ, Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.servers import Server
from tests.boot.variants import Variant
from tests.faults.projects import OTHERS, Project

from .containers import CONTAINERS

BROKERS: dict[str, type[Server]] = {"redis": Redis, "rabbitmq": RabbitMQ}
DATABASES: dict[str, type[Server] | None] = {"none": None, "sqlite": None, "postgresql": PostgreSQL, "mysql": MariaDB}
# In the others, results are in Redis.
RESULTS_IN_THE_DATABASE = {"rabbitmq-postgresql", "redis-sqlite"}
IN_CONTAINERS = os.environ.get("FORGE_SOAK_SERVERS") == "docker"
INDEX = 70  # of the first one
IN_EVERY_RUN = ("redis-none", "redis-mysql", "rabbitmq-postgresql")


def _projects() -> dict[str, Project]:
    found: dict[str, Project] = {}
    for broker, broker_kind in BROKERS.items():
        for database, database_kind in DATABASES.items():
            name = f"{broker}-{database}"
            results = "database" if name in RESULTS_IN_THE_DATABASE else "redis"
            servers: dict[str, type[Server]] = {"broker": broker_kind}
            if results == "redis":
                servers["results"] = Redis
            if database_kind:
                servers["database"] = database_kind
            if IN_CONTAINERS:
                servers = {part: CONTAINERS[kind] for part, kind in servers.items()}
            answers = {**OTHERS, "broker": broker, "database": database, "result_backend": results}
            found[name] = Project(f"soak-{name}", Variant(INDEX + len(found), answers), servers)
    return found


PROJECTS = _projects()


def chosen() -> tuple[str, ...]:
    """Return the names of the projects of this run: a few of them when nobody says for how long."""
    return tuple(PROJECTS) if os.environ.get("FORGE_SOAK_SECONDS") else IN_EVERY_RUN
