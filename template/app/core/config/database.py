"""The database's settings."""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator
from sqlalchemy import make_url

from app.core.addresses import database
from app.core.config.base import DEVELOPMENT, Concern


class DatabaseSettings(Concern):
    """Where the database is and how many connections a process may hold.

    Attributes:
        DATABASE_DIRECT_URL: Where migrations and dumps find the database when DATABASE_URL leads to a pooler, which
            gives each transaction another session.
        DATABASE_POOL_SIZE: Connections that a process keeps; there are as many processes as workers have slots.
    """

    embedded: ClassVar[dict[str, str]] = {"DATABASE_URL": f"sqlite:///{DEVELOPMENT}/app.db"}

    DATABASE_URL: Annotated[str, AfterValidator(database.read)] = Field(repr=False)
    DATABASE_DIRECT_URL: Annotated[str, AfterValidator(database.read)] | None = Field(default=None, repr=False)
    DATABASE_POOL_SIZE: PositiveInt = 5

    @model_validator(mode="after")
    def _both_lead_to_one_database(self) -> Self:
        if make_url(self.direct_url).get_backend_name() != make_url(self.DATABASE_URL).get_backend_name():
            message = "DATABASE_DIRECT_URL must lead to the database of DATABASE_URL, and that is of another kind"
            raise ValueError(message)
        return self

    @property
    def direct_url(self) -> str:
        """The address of the database itself, whatever is in front of it."""
        return self.DATABASE_DIRECT_URL or self.DATABASE_URL
