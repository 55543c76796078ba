"""What every settings class shares: where values come from, and how a missing one is told."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.core.config import variables

ROOT = Path(__file__).resolve().parents[3]
# Where `make dev` keeps what a server would.
DEVELOPMENT = ROOT / ".dev"

# Where embedded servers, and secrets that everybody knows, may serve. Everywhere else, whatever it is called, is as
# strict as production.
LOCAL = {"development", "test"}
SPELLINGS = {
    "dev": "development", "develop": "development", "local": "development", "testing": "test", "tests": "test",
    "stage": "staging", "stg": "staging", "prod": "production", "live": "production",
}  # fmt: skip

variables.leave_out()


def stage(name: str) -> str:
    """Return the name of a stage in its usual spelling.

    Raises:
        ValueError: It is no name.
    """
    name = name.strip().lower()
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        message = "it must be one word, such as development, test, staging or production"
        raise ValueError(message)
    return SPELLINGS.get(name, name)


def _is_test() -> bool:
    name = os.environ.get("ENVIRONMENT", "").strip().lower()
    return SPELLINGS.get(name, name) == "test"


class Environment(BaseSettings):
    """Where this process runs. What is not said is production, so that nothing is left open by mistake."""

    # Tests must not depend on a developer's own `.env`.
    model_config = SettingsConfigDict(
        env_file=None if _is_test() else ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # A validation error must not print the password in a URL.
        hide_input_in_errors=True,
    )

    ENVIRONMENT: Annotated[str, AfterValidator(stage)] = "production"

    @model_validator(mode="before")
    @classmethod
    def _without_what_surrounds_it(cls, data: Any) -> Any:
        # A secret that was made from a file ends with a line's end.
        return {name: value.strip() if isinstance(value, str) else value for name, value in data.items()}

    @property
    def is_local(self) -> bool:
        """Whether this is a developer's machine or a test."""
        return self.ENVIRONMENT in LOCAL


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
