"""What a route asks of its caller: `CurrentCaller`, `Admin` or `Enqueuer`, as the type of a parameter."""

from typing import Annotated

from fastapi import Depends, HTTPException

from app.core import limits
from app.core.authentication import NOT_ADMIN, authenticate
from app.core.caller import Caller
from app.core.context import organization_id_of_http
from app.core.errors import raises

__all__ = ["Admin", "Caller", "CurrentCaller", "Enqueuer"]


async def _known(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
    # For the log lines of this request.
    organization_id_of_http.set(caller.organization_id)
    return caller


CurrentCaller = Annotated[Caller, Depends(_known)]


@raises(403)
async def _administrator(caller: CurrentCaller) -> Caller:
    if not caller.admin:
        raise HTTPException(403, NOT_ADMIN)
    return caller


@raises(429)
async def _within_the_rate(caller: CurrentCaller) -> Caller:
    await limits.rate.spend(caller.organization_id)
    return caller


Admin = Annotated[Caller, Depends(_administrator)]
Enqueuer = Annotated[Caller, Depends(_within_the_rate)]
