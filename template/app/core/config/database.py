"""The database's settings."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, PositiveInt

from app.core.addresses import database
from app.core.config.base import DEVELOPMENT, Concern


class DatabaseSettings(Concern):
    """Where the database is and how many connections a process may hold.

    Attributes:
        DATABASE_POOL_SIZE: Connections that a process keeps; there are as many processes as workers have slots.
    """

    embedded: ClassVar[dict[str, str]] = {"DATABASE_URL": f"sqlite:///{DEVELOPMENT}/app.db"}

    DATABASE_URL: Annotated[str, AfterValidator(database.read)] = Field(repr=False)
    DATABASE_POOL_SIZE: PositiveInt = 5
