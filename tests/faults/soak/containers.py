"""The same servers in containers, of the versions that a generated project names: `FORGE_SOAK_SERVERS=docker`."""

import shutil
import subprocess
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from tests.boot.brokers import RabbitMQ, Redis
from tests.boot.databases import MariaDB, PostgreSQL
from tests.boot.polling import wait_for
from tests.boot.servers import Server
from tests.faults.rabbitmq4 import IMAGE

START_SECONDS = 120.0
# Those that copier.yml names.
IMAGES = {"redis": "redis:8-alpine", "rabbitmq": IMAGE, "postgresql": "postgres:17-alpine", "mysql": "mariadb:11.8"}


class Container(Server):
    """A server in a container, whose port is published on 127.0.0.1."""

    inner_port: ClassVar[int]

    @classmethod
    def binary(cls) -> str | None:
        return shutil.which("docker")

    @property
    def container(self) -> str:
        """The container's name."""
        return f"forge-soak-{self.port}"

    @property
    def account_name(self) -> str:
        """The one account, which a database or a virtual host is named after."""
        return next(iter(self.accounts))

    @property
    def secret(self) -> str:
        """The account's password."""
        return self.accounts[self.account_name]

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """Return what the image is told."""

    def arguments(self) -> list[str]:
        """Return what follows the image's name."""
        return []

    def prepare(self) -> None:
        """Make the container."""
        variables = [f"--env={name}={value}" for name, value in self.variables().items()]
        published = f"127.0.0.1:{self.port}:{self.inner_port}"
        docker("create", "--name", self.container, "--hostname", self.name, "--publish", published, *variables,
               IMAGES[self.name], *self.arguments())  # fmt: skip

    def command(self) -> list[str]:
        return ["start", self.container]

    def launch(self) -> None:
        docker(*self.command())
        wait_for(f"{self.name} answers", self.answers, within=START_SECONDS, every=0.5)

    def populate(self) -> None:
        """Leave the accounts to the image."""

    def running(self) -> bool:
        """Tell whether the container runs."""
        return docker("inspect", "--format", "{{.State.Running}}", self.container) == "true"

    def stop(self) -> None:
        docker("rm", "--force", "--volumes", self.container)


class RedisContainer(Container, Redis):
    """Redis with a password and an append-only file; what was answered outlives the process, if not the machine."""

    inner_port: ClassVar[int] = 6379

    def variables(self) -> dict[str, str]:
        return {}

    def arguments(self) -> list[str]:
        options = {"requirepass": self.password, "appendonly": "yes", "appendfsync": "no", "databases": "256"}
        return ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))]


class RabbitMQContainer(Container, RabbitMQ):
    """RabbitMQ with one user and one virtual host."""

    inner_port: ClassVar[int] = 5672

    def variables(self) -> dict[str, str]:
        name = self.account_name
        return {"RABBITMQ_DEFAULT_USER": name, "RABBITMQ_DEFAULT_PASS": name, "RABBITMQ_DEFAULT_VHOST": name}

    def populate(self) -> None:
        """Set the password: as a variable it becomes a line of a file, whose syntax has a meaning for some of it."""
        docker("exec", self.container, "rabbitmqctl", "change_password", self.account_name, self.secret)


class PostgreSQLContainer(Container, PostgreSQL):
    """PostgreSQL with one user and one database."""

    inner_port: ClassVar[int] = 5432

    def variables(self) -> dict[str, str]:
        name = self.account_name
        return {
            "POSTGRES_USER": name,
            "POSTGRES_PASSWORD": self.secret,
            "POSTGRES_DB": name,
            "LANG": "C.UTF-8",
        }

    def answers(self) -> bool:
        # While the image makes the database, it answers at the socket alone.
        docker("exec", self.container, "pg_isready", "--host", "127.0.0.1")
        return True


class MariaDBContainer(Container, MariaDB):
    """MariaDB with one user and one database."""

    inner_port: ClassVar[int] = 3306

    def variables(self) -> dict[str, str]:
        name = self.account_name
        return {
            "MARIADB_USER": name,
            "MARIADB_PASSWORD": self.secret,
            "MARIADB_DATABASE": name,
            "MARIADB_RANDOM_ROOT_PASSWORD": "yes",
        }


CONTAINERS: dict[type[Server], type[Server]] = {
    Redis: RedisContainer,
    RabbitMQ: RabbitMQContainer,
    PostgreSQL: PostgreSQLContainer,
    MariaDB: MariaDBContainer,
}
"""By the server that each stands in for."""


@contextmanager
def down(server: Container) -> Iterator[None]:
    """Keep a server away for as long as the block lasts, as after the loss of its machine; its data stay."""
    docker("kill", server.container)
    try:
        yield
    finally:
        server.launch()


@contextmanager
def frozen(server: Container) -> Iterator[None]:
    """Let a server stand still for as long as the block lasts."""
    docker("pause", server.container)
    try:
        yield
    finally:
        docker("unpause", server.container)


def docker(*arguments: str) -> str:
    """Run a command of Docker's, and return what it printed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
    return done.stdout.strip()
