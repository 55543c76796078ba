"""The routes of schedules. They are for administrators."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, HTTPException, status

from app.core.errors import invalid, responses
from app.core.security import Admin
from app.jobs.threads import in_a_thread
from app.schedules import service
from app.schedules.entry import BadSchedule
from app.schedules.schedule import Schedule
from app.schedules.schemas import NewSchedule, ScheduleStatus, Sent
from app.schedules.service import NoSuchSchedule, NotPossible

R = TypeVar("R")

router = APIRouter(prefix="/schedules", tags=["schedules"])


async def answer(call: Callable[[], R]) -> R:
    """Return what a call of the service returns, and its errors as answers."""
    try:
        return await in_a_thread(call)
    except NoSuchSchedule as error:
        raise HTTPException(404, f"There is no schedule {error.args[0]!r}.") from None
    except NotPossible as error:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{error}.") from None
    except BadSchedule as error:
        raise invalid(f"{error}.", "body") from None


@router.get("")
async def list_schedules(_: Admin) -> list[ScheduleStatus]:
    """List every schedule."""
    return await answer(service.list_schedules)


@router.get("/{name}", responses=responses(404))
async def show(name: str, _: Admin) -> ScheduleStatus:
    """Show one schedule."""
    return await answer(partial(service.show, name))


@router.post("", status_code=status.HTTP_201_CREATED, responses=responses(409))
async def add(body: NewSchedule, _: Admin) -> ScheduleStatus:
    """Add a schedule."""
    return await answer(partial(service.add, body.name, body.schedule()))


@router.put("/{name}", responses=responses(404))
async def edit(name: str, body: Schedule, _: Admin) -> ScheduleStatus:
    """Put a schedule in the place of one that there is."""
    return await answer(partial(service.edit, name, body))


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT, responses=responses(404, 409))
async def remove(name: str, _: Admin) -> None:
    """Remove a schedule that is not in the code."""
    await answer(partial(service.remove, name))


@router.post("/{name}/enable", responses=responses(404, 409))
async def enable(name: str, _: Admin) -> ScheduleStatus:
    """Let a schedule run."""
    return await answer(partial(service.enable, name, enabled=True))


@router.post("/{name}/disable", responses=responses(404, 409))
async def disable(name: str, _: Admin) -> ScheduleStatus:
    """Let a schedule run no more."""
    return await answer(partial(service.enable, name, enabled=False))


@router.post("/{name}/run", status_code=status.HTTP_202_ACCEPTED, responses=responses(404, 409))
async def run(name: str, _: Admin) -> Sent:
    """Run a schedule now, enabled or not."""
    return Sent(task_id=await answer(partial(service.run, name)))
