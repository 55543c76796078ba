"""What may be sent."""

from pydantic import PositiveInt

from app.core.config.base import Concern


class LimitSettings(Concern):
    """Bounds of what callers may send.

    Attributes:
        MAX_ARGUMENTS_BYTES: The size of a task's arguments as JSON.
    """

    MAX_ARGUMENTS_BYTES: PositiveInt = 65_536
