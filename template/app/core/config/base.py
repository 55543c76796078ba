"""What every settings class shares: where values come from, and how a missing one is told."""

import os
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

ROOT = Path(__file__).resolve().parents[3]
# Where `make dev` keeps what a server would.
DEVELOPMENT = ROOT / ".dev"


class Environment(BaseSettings):
    """Where this process runs. What is not said is production, so that nothing is left open by mistake."""

    # Tests must not depend on a developer's own `.env`.
    model_config = SettingsConfigDict(
        env_file=None if os.environ.get("ENVIRONMENT") == "test" else ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # A validation error must not print the password in a URL.
        hide_input_in_errors=True,
    )

    ENVIRONMENT: Literal["development", "test", "production"] = "production"


class Concern(Environment):
    """One concern's settings: the environment first, then `.env`, then in development `embedded`.

    Attributes:
        embedded: What serves in development when the environment names no server.
    """

    embedded: ClassVar[dict[str, str]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the embedded defaults below all other sources, in development only."""
        sources = (init_settings, env_settings, dotenv_settings)
        if Environment().ENVIRONMENT != "development":
            return sources
        DEVELOPMENT.mkdir(mode=0o700, exist_ok=True)
        DEVELOPMENT.joinpath("results").mkdir(exist_ok=True)
        return (*sources, InitSettingsSource(settings_cls, dict(cls.embedded)))


def default_to_development() -> str:
    """Return where this process runs, which is development when nothing says so: for commands that a developer types.

    Call it before any settings are read.
    """
    environment = Environment()
    if "ENVIRONMENT" not in environment.model_fields_set:
        os.environ["ENVIRONMENT"] = "development"
        return "development"
    return environment.ENVIRONMENT


def explain(error: ValidationError) -> str:
    """Say in a sentence for each variable what is wrong with it and where to set it."""
    problems = []
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(map(str, problem["loc"]))
        if problem["type"] == "missing":
            problems.append(f"{name} is not set")
            continue
        told = problem["msg"].removeprefix("Value error, ")
        # What concerns several variables names them itself.
        problems.append(f"{name}: {told}" if name else told)
    return (
        f"error: {'; '.join(problems)}. Set it in the environment or in .env (see .env.example), "
        "or run `make dev`, which needs no server."
    )
