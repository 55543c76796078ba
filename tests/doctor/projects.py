"""The projects that are examined with their servers running: one for each broker and each kind of server database."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.boot.brokers import RabbitMQ, Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.processes import Process
from tests.boot.servers import Server
from tests.boot.variants import Variant
from tests.faults.projects import OTHERS, Project
from tests.faults.stage import Stage

from .examined import TOOLS, Examined, doctor, trusted


def _project(name: str, index: int, servers: Mapping[str, type[Server]], **answers: str) -> Project:
    return Project(f"doctor-{name}", Variant(index, {**OTHERS, "backup": True, **answers}), servers)


PROJECTS = {
    project.name.removeprefix("doctor-"): project
    for project in (
        _project("postgresql", 70, {"broker": Redis, "database": PostgreSQL}, broker="redis", database="postgresql",
                 result_backend="redis", beat="redis"),
        _project("mysql", 71, {"broker": RabbitMQ, "database": MariaDB}, broker="rabbitmq", database="mysql",
                 result_backend="database", beat="database"),
    )
}  # fmt: skip


class Servers(Stage):
    """A project in production, whose servers run and whose processes do not."""

    def edit(self) -> None:
        """Change nothing."""

    def boot(self) -> None:
        """Start the servers, install the project and make its tables."""
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(server.start) for server in self.servers.values()]
            self.install()
            for start in starts:
                start.result()
        self.command("alembic", "upgrade", "heads")
        trusted(self.project.root)

    def examine(self, path: str = "", **variables: str) -> Examined:
        """Run `forge doctor`; no secret of the project is in what it prints.

        Args:
            path: A directory of programs that are found first.
            variables: What the environment has in place of the project's own settings.
        """
        virtual_environment = self.environment["PATH"].split(os.pathsep)[0].removesuffix("/bin")
        own = {
            "PATH": os.pathsep.join(filter(None, (path, str(TOOLS), os.defpath))),
            "UV_PROJECT_ENVIRONMENT": virtual_environment,
        }
        examined = doctor(self.project.root, self.environment | own | variables)
        for secret in self.secrets():
            assert secret not in examined.printed
        return examined

    def secrets(self) -> set[str]:
        """Return every password and key that must not be seen anywhere."""
        passwords = {word for server in self.servers.values() for word in server.accounts.values()}
        return {self.flower_user[1], *self.credential.secrets, *passwords}

    def start_worker(self, name: str = "worker", *options: str, **environment: str) -> Process:
        """Start a worker of one process."""
        command = ["celery", "-A", "app.core.celery", "worker", "--loglevel", "INFO", "--concurrency", "1"]
        return self.start(name, *command, *options, **environment)
