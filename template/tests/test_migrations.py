"""Migrations: they lead to the models and back."""

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from app.core.database import engine
from app.core.model import Base


def test_the_migrations_make_what_the_models_say(alembic: Config, migrated: None) -> None:
    command.check(alembic)


def test_the_migrations_can_be_taken_back(alembic: Config, migrated: None) -> None:
    command.downgrade(alembic, "base")
    left = set(inspect(engine()).get_table_names()) & set(Base.metadata.tables)
    command.upgrade(alembic, "heads")

    assert left == set()
