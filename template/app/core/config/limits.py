"""How much callers may ask for."""

from typing import Annotated

from limits import parse_many
from pydantic import AfterValidator, Field, PositiveInt

from app.core.addresses import counts
from app.core.config.base import Concern


def _one_rate(text: str) -> str:
    # `parse_many` raises ValueError for what it cannot read, with the text.
    rates = parse_many(text)
    if len(rates) != 1 or rates[0].amount < 1:
        message = "it must be one rate above zero, such as 600/minute"
        raise ValueError(message)
    return text


class LimitSettings(Concern):
    """Limits of the API; each has a reason to be there and may be changed.

    Attributes:
        RATE_LIMIT: Requests that enqueue, for each organization, such as `600/minute` or `10/second`.
        RATE_LIMIT_STORAGE_URL: Where they are counted, as https://limits.readthedocs.io/en/stable/storage.html has it.
            By default each API process counts for itself, so that N processes allow N times as many. `async+` before it
            makes no difference.
        MAX_BODY_BYTES: The longest body of a request.
        MAX_ARGUMENTS_BYTES: The longest arguments of a task, as they travel to the broker.
        MAX_RESULT_BYTES: The longest result of a task, as it is stored.
    """

    RATE_LIMIT: Annotated[str, AfterValidator(_one_rate)] = "600/minute"
    RATE_LIMIT_STORAGE_URL: Annotated[str, AfterValidator(counts.read)] = Field(default="memory://", repr=False)
    MAX_BODY_BYTES: PositiveInt = 262_144
    MAX_ARGUMENTS_BYTES: PositiveInt = 65_536
    MAX_RESULT_BYTES: PositiveInt = 1_048_576
