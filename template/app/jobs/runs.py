"""How often a worker has died with a task: as often as its message came back, less the times that one gave it back.

Both are noted where results are kept, which every variant has, and which outlives a connection to the broker. No run
that begins and ends in one go costs anything.
"""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from app.core.celery import celery_app

NOTED = "NOTED"


def deaths(task_id: str, run: str) -> int:
    """Note that a run begins whose message has come back, and return how many runs ended with their worker.

    Args:
        task_id: The task.
        run: What tells this run from others, so that it may be noted again when an answer was lost.
    """
    return len(_note("run", task_id, run)) - given_back(task_id)


def give_back(task_id: str, run: str) -> None:
    """Note that a worker gives back a message by itself.

    Args:
        task_id: The task.
        run: What tells this time from others.
    """
    _note("given-back", task_id, run)


def given_back(task_id: str) -> int:
    """Return how often workers have given a task's message back by themselves."""
    return len(_noted(_place("given-back", task_id)))


def _place(what: str, task_id: str) -> str:
    # Not longer than the id of a task may be, however long this one is.
    return f"{what}-{uuid5(NAMESPACE_OID, task_id)}"


def _noted(place: str) -> list[Any]:
    found = celery_app.backend.get_task_meta(place, cache=False)["result"]
    return found if isinstance(found, list) else []


def _note(what: str, task_id: str, run: str) -> list[Any]:
    place = _place(what, task_id)
    noted = _noted(place)
    if run not in noted:
        noted.append(run)
        celery_app.backend.store_result(place, noted, NOTED)
    return noted
