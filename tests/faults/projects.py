"""The projects that are put under stress, and the private servers of each by the part that they play."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge_cli.questions import Answers
from tests.boot.brokers import RabbitMQ, Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.run import Endpoint
from tests.boot.servers import Server
from tests.boot.variants import Variant

# What only a few tests are about is left out.
OTHERS: Answers = {"project_name": "Demo Project", "beat": "none", "auth": "api_key", "flower": False, "docker": False}


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        servers: The kind of server that plays each part. A server of its own lets the store of results, or the one of
            schedules, fail alone.
    """

    name: str
    variant: Variant
    servers: Mapping[str, type[Server]]

    def environment(self, servers: Mapping[str, Server], directory: Path) -> dict[str, str]:
        """Return the variables that tell the project where its servers are."""
        endpoints = {part: Endpoint(server.port, server.accounts) for part, server in servers.items()}
        apart = {"results", "store"}
        kinds = {server.name: endpoints[part] for part, server in self.servers.items() if part not in apart}
        found = self.variant.environment(kinds, directory)
        # More than what anybody here posts.
        found["RATE_LIMIT"] = "100000/second"
        if "results" in endpoints:
            found["CELERY_RESULT_BACKEND"] = self.variant.redis_url({"redis": endpoints["results"]}, 0)
        if "store" in endpoints:
            found["SCHEDULE_STORE_URL"] = self.variant.redis_url({"redis": endpoints["store"]}, 0)
        return found


def _project(name: str, index: int, servers: Mapping[str, type[Server]], **answers: str | bool) -> Project:
    return Project(name, Variant(index, {**OTHERS, **answers}), servers)


PROJECTS = {
    project.name: project
    for project in (
        _project("redis", 40, {"broker": Redis, "results": Redis}, broker="redis", database="none",
                 result_backend="redis", beat="file", flower=True),
        _project("rabbitmq-postgresql", 41, {"broker": RabbitMQ, "database": PostgreSQL}, broker="rabbitmq",
                 database="postgresql", result_backend="database", beat="database", backup=False, flower=True),
        _project("redis-mysql", 42, {"broker": Redis, "results": Redis, "database": MariaDB}, broker="redis",
                 database="mysql", result_backend="redis", beat="redis", backup=False),
    )
}  # fmt: skip
