"""The routes of dead letters. They are for administrators: the messages are those of every organization."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, status

from app.core.errors import responses
from app.core.security import Admin
from app.jobs import dead_letters
from app.jobs.dead_letters import CannotReplay, NoSuchDeadLetter
from app.jobs.death import DeadLetter, DeadLetterContent
from app.jobs.threads import in_a_thread

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])


def not_found(letter_id: str) -> HTTPException:
    """Return the answer for an id that is not in the queue."""
    return HTTPException(404, f"There is no dead letter {letter_id!r}.")


@router.get("")
async def list_dead_letters(_: Admin, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[DeadLetter]:
    """List the oldest dead letters."""
    return await in_a_thread(partial(dead_letters.list_dead_letters, limit))


@router.get("/{letter_id}", responses=responses(404))
async def show(letter_id: str, _: Admin) -> DeadLetterContent:
    """Show one dead letter with its content."""
    try:
        return await in_a_thread(partial(dead_letters.show, letter_id))
    except NoSuchDeadLetter:
        raise not_found(letter_id) from None


@router.post("/{letter_id}/replay", status_code=status.HTTP_202_ACCEPTED, responses=responses(404, 409))
async def replay(letter_id: str, _: Admin) -> DeadLetter:
    """Send a dead letter to its queue again."""
    try:
        return await in_a_thread(partial(dead_letters.replay, letter_id))
    except NoSuchDeadLetter:
        raise not_found(letter_id) from None
    except CannotReplay as error:
        raise HTTPException(409, str(error)) from None


@router.delete("/{letter_id}", responses=responses(404))
async def purge_one(letter_id: str, _: Admin) -> dict[str, int]:
    """Delete one dead letter."""
    try:
        return {"purged": await in_a_thread(partial(dead_letters.purge, letter_id))}
    except NoSuchDeadLetter:
        raise not_found(letter_id) from None


@router.delete("")
async def purge(_: Admin) -> dict[str, int]:
    """Delete every dead letter."""
    return {"purged": await in_a_thread(dead_letters.purge)}
