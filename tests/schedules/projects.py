"""The projects whose schedules are tested: each store, with the two ways in which a job's record is kept."""

from tests.boot.brokers import RabbitMQ, Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.servers import Server
from tests.boot.variants import Variant
from tests.faults.projects import OTHERS, Project


def _project(name: str, index: int, servers: dict[str, type[Server]], **answers: str) -> Project:
    return Project(f"schedules-{name}", Variant(index, {**OTHERS, "backup": False, **answers}), servers)


PROJECTS = {
    project.name.removeprefix("schedules-"): project
    for project in (
        _project("redis", 50, {"broker": Redis, "store": Redis}, broker="redis", database="none",
                 result_backend="redis", beat="redis"),
        _project("postgresql", 51, {"broker": RabbitMQ, "database": PostgreSQL}, broker="rabbitmq",
                 database="postgresql", result_backend="database", beat="database"),
        _project("mysql", 52, {"broker": Redis, "database": MariaDB}, broker="redis", database="mysql",
                 result_backend="redis", beat="database"),
    )
}  # fmt: skip
