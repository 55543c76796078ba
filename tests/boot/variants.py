"""The variants that are booted: every valid combination of broker, result backend, database and beat.

The ways to know a caller take turns: they concern the API alone. With each broker, result backend and database, one of
the schedulers shows every promise, and the others show those that a scheduler has to do with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from forge_cli import questions
from forge_cli.questions import Answers
from tests.options import combinations, label

from .run import Endpoint

QUESTIONS = ("broker", "database", "result_backend", "beat")
# Two values in a row differ, and so do those of the same scheduler: the combinations come in threes and fours.
AUTH = ("api_key", "jwt", "none")
SPARE = 11
"""How many accounts there are for projects other than the variants, with the indexes that follow."""
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


@dataclass(frozen=True)
class Variant:
    """One combination of answers, with an account of its own on each server."""

    index: int
    answers: Answers
    thorough: bool = True

    @property
    def name(self) -> str:
        """The answers in one word."""
        return label({question: self.answers[question] for question in (*QUESTIONS, "auth")})

    @property
    def account(self) -> str:
        """The variant's user, and its virtual host or database of the same name."""
        return f"forge_{self.index:02d}"

    @property
    def database(self) -> str:
        """The answer to `database`."""
        return str(self.answers["database"])

    @property
    def auth(self) -> str:
        """The answer to `auth`."""
        return str(self.answers["auth"])

    @property
    def has_database(self) -> bool:
        """Whether there are migrations and a task with the database."""
        return self.database != "none"

    @property
    def has_beat(self) -> bool:
        """Whether a scheduler runs."""
        return self.answers["beat"] != "none"

    @property
    def edits_schedules(self) -> bool:
        """Whether schedules can be edited while the scheduler runs."""
        return self.answers["beat"] in {"redis", "database"}

    @property
    def has_backup(self) -> bool:
        """Whether the database is backed up."""
        return bool(self.answers.get("backup", False))

    @property
    def has_flower(self) -> bool:
        """Whether there is a dashboard."""
        return bool(self.answers["flower"])

    @property
    def servers(self) -> set[str]:
        """The servers that the variant needs."""
        chosen = {str(self.answers[question]) for question in QUESTIONS}
        return chosen & {"redis", "rabbitmq", "postgresql", "mysql"}

    def environment(self, endpoints: Mapping[str, Endpoint], directory: Path) -> dict[str, str]:
        """Return the variables that tell a project where its servers are; a SQLite file is in `directory`."""
        database = ""
        if self.has_database:
            database = f"sqlite:///{directory}/app.db" if self.database == "sqlite" else self._database_url(endpoints)
        broker = self.redis_url(endpoints, 3 * self.index)
        if self.answers["broker"] == "rabbitmq":
            broker = f"amqp://{self._address(endpoints['rabbitmq'])}/{self.account}"
        results = f"db+{database}"
        if self.answers["result_backend"] == "redis":
            results = self.redis_url(endpoints, 3 * self.index + 1)
        found = {"CELERY_BROKER_URL": broker, "CELERY_RESULT_BACKEND": results}
        if self.answers["beat"] == "redis":
            found["SCHEDULE_STORE_URL"] = self.redis_url(endpoints, 3 * self.index + 2)
        if database:
            found["DATABASE_URL"] = database
        if self.has_backup:
            found["BACKUP_DIRECTORY"] = str(self.backups(directory))
        return found

    def backups(self, directory: Path) -> Path:
        """Return where the backups of a variant are that lives in `directory`."""
        return directory / "backups"

    def _database_url(self, endpoints: Mapping[str, Endpoint]) -> str:
        return f"{DRIVERS[self.database]}://{self._address(endpoints[self.database])}/{self.account}"

    def redis_url(self, endpoints: Mapping[str, Endpoint], number: int) -> str:
        """Return the address of one of Redis's databases."""
        if "redis" not in endpoints:
            return ""
        endpoint = endpoints["redis"]
        return f"redis://:{quote(endpoint.passwords[self.account], safe='')}@127.0.0.1:{endpoint.port}/{number}"

    def _address(self, endpoint: Endpoint) -> str:
        return f"{self.account}:{quote(endpoint.passwords[self.account], safe='')}@127.0.0.1:{endpoint.port}"


def _variants() -> Iterator[Variant]:
    turns = dict[tuple[object, ...], list[str]]()
    for answers in combinations(*QUESTIONS):
        turns.setdefault(_services(answers), []).append(str(answers["beat"]))
    turn = {services: beats[number % len(beats)] for number, (services, beats) in enumerate(turns.items())}
    for index, answers in enumerate(combinations(*QUESTIONS)):
        others: Answers = {"auth": AUTH[index % len(AUTH)], "flower": True, "docker": False}
        thorough = answers["beat"] == turn[_services(answers)]
        yield Variant(index, questions.complete({**answers, **others}), thorough)


def _services(answers: Answers) -> tuple[object, ...]:
    return tuple(answers[question] for question in QUESTIONS if question != "beat")


VARIANTS = list(_variants())
ACCOUNTS = [Variant(index, {}).account for index in range(len(VARIANTS) + SPARE)]
