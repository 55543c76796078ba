"""The project's servers: whether each lets the project in, within a limit."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import settings
from .facts import tell, words

SECONDS = 5.0  # for each server
NO_SUCH_TASK = "00000000-0000-0000-0000-000000000000"

lost: set[str] = set()
"""What cannot be used."""


def ask_all() -> dict[str, threading.Thread]:
    """Ask every server that is not embedded, each in a thread."""
    questions: dict[str, tuple[str, Callable[[], Any]]] = {
        "broker": ("CELERY_BROKER_URL", _broker),
        "results": ("CELERY_RESULT_BACKEND", _results),
        "database": ("DATABASE_URL", _database),
        "schedules": ("SCHEDULE_STORE_URL", _schedules),
    }
    known = {name: (concern, value) for concern, name, value in settings.concerns()}
    asked = {}
    for part, (setting, question) in questions.items():
        concern, value = known.get(setting, (None, ""))
        if concern is None:
            continue
        about = {"part": part, "setting": setting, "address": settings.shown(value)}
        embedded = value == concern.embedded.get(setting)
        tell("server", state="embedded" if embedded else "asked", **about)
        if not embedded:
            asked[part] = limited(partial(_ask, question, about))
    return asked


def limited(what: Callable[[], Any]) -> threading.Thread:
    """Begin something that nobody needs to wait for."""
    thread = threading.Thread(target=what, daemon=True)
    thread.start()
    return thread


def _ask(question: Callable[[], Any], about: dict[str, str]) -> None:
    try:
        tell("server", state="answers", version=question(), **about)
    except BaseException as error:
        lost.add(about["part"])
        tell("server", state="failed", text=words(error), **about)


def _broker() -> None:
    """Log in, and ask for what a worker does: wait for more than one list at a time."""
    from app.core.celery import celery_app

    with celery_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=SECONDS)
        if connection.transport.driver_type == "redis":
            client = connection.default_channel.client
            client.brpop(["forge.doctor", "_kombu.binding.forge.doctor"], timeout=0.01)
            _look_at_eviction("broker", client)


def _look_at_eviction(part: str, client: Any) -> None:
    """Say what a Redis removes when its memory is full; some that are rented do not tell."""
    with suppress(Exception):
        tell("eviction", part=part, policy=client.info("memory")["maxmemory_policy"])


def _results() -> None:
    """Look for a result that there is not; in a database, make no tables for it."""
    from app.core.celery import celery_app

    engine = engine_of_results()
    if engine is None:
        celery_app.backend.get_state(NO_SUCH_TASK)
    elif not is_missing(engine):
        engine.connect().close()


def engine_of_results() -> Any:
    """How to reach the database that results are kept in, if that is where they are."""
    from app.core.celery import celery_app

    backend: Any = celery_app.backend
    manager = getattr(backend, "session_manager", None)
    return manager.get_engine(backend.url, **backend.engine_options) if manager else None


def _database() -> str:
    """Log in, and return the kind and the version. A file that is not there is not made."""
    from app.core.database import engine
    from sqlalchemy import text

    made = engine()
    kind: str = made.dialect.name
    if is_missing(made):
        _look_at_migrations(None)
        return kind
    query = {"postgresql": "SHOW server_version", "sqlite": "SELECT sqlite_version()"}.get(kind, "SELECT VERSION()")
    with made.connect() as connection:
        version = f"{kind} {connection.scalar(text(query))}"
        _look_at_migrations(connection)
    return version


def is_missing(engine: Any) -> bool:
    """Whether a database is a file that has not been made yet, but can be."""
    file = Path(engine.url.database or os.curdir)
    if engine.dialect.name != "sqlite" or file.exists():
        return False
    if not os.access(file.parent, os.W_OK):
        message = f"the directory `{file.parent}` is not there or cannot be written to"
        raise OSError(message)
    return True


def has_table(engine: Any, name: str) -> bool:
    """Whether a database has a table; a file that is not there has none, and is not made."""
    from sqlalchemy import inspect

    return not is_missing(engine) and bool(inspect(engine).has_table(name))


def database_is_missing() -> bool:
    """Whether the project's database is a file that has not been made yet."""
    if find_spec("app.core.database") is None:
        return False
    from app.core.database import engine

    return is_missing(engine())


def _look_at_migrations(connection: Any) -> None:
    """Compare the revisions of the database, if it is there, with those of the project."""
    if settings.in_development:
        return  # `make dev` applies them itself
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    wanted = set(ScriptDirectory.from_config(Config("alembic.ini")).get_heads())
    applied = set(MigrationContext.configure(connection).get_current_heads()) if connection else set[str]()
    tell("migrations", missing=sorted(wanted - applied))


def _schedules() -> None:
    """Read the schedules."""
    from app.schedules.store import store

    store.read()
    if client := getattr(store, "client", None):
        _look_at_eviction("schedules", client)
