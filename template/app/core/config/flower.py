"""The dashboard's settings."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from app.core.config.base import Concern


class FlowerSettings(Concern):
    """Who may see the dashboard, as `user:password`. There is a default in development only."""

    embedded: ClassVar[dict[str, str]] = {"FLOWER_BASIC_AUTH": "flower:flower"}

    FLOWER_BASIC_AUTH: Annotated[str, StringConstraints(pattern=r"^[^:]+:.+$")] = Field(repr=False)
