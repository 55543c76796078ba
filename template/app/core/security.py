"""Who asks."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True)
class Caller:
    """Who asks, and the organization whose tasks are meant."""

    organization_id: str
    subject: str
    admin: bool


async def caller() -> Caller:
    """Return the one caller that there is."""
    return Caller("default", "anonymous", admin=True)


CurrentCaller = Annotated[Caller, Depends(caller)]
Enqueuer = CurrentCaller
Admin = CurrentCaller
