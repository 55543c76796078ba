"""Health of the API: `live` touches nothing, `ready` asks every service, `workers` those that carry and run tasks."""

import logging
import time
from collections.abc import Iterable
from typing import Literal

import anyio
from anyio import to_thread
from fastapi import APIRouter, Response, status
from pydantic import BaseModel

from app.core.celery import celery_app
from app.core.errors import Responses
from app.core.services import CHECKS, CRITICAL, Check, Unhealthy, check, reach_broker

logger = logging.getLogger(__name__)

LIMIT = 1.0  # seconds for each service
NO_SUCH_TASK = "00000000-0000-0000-0000-000000000000"

router = APIRouter(prefix="/health", tags=["health"])


class ServiceHealth(BaseModel):
    """One service's answer, the seconds it took, and what is wrong, if everybody may know."""

    status: Literal["ok", "failed"]
    seconds: float
    detail: str | None = None


class Health(BaseModel):
    """Every service's answer; `ok` when all are, `degraded` while requests can be served all the same."""

    status: Literal["ok", "degraded", "failed"]
    checks: dict[str, ServiceHealth]


UNHEALTHY: Responses = {503: {"model": Health}}


@check("broker", critical=False)
async def ping_broker() -> None:
    """Open a connection to the broker."""
    await to_thread.run_sync(reach_broker, abandon_on_cancel=True)


@check("workers", critical=False)
async def find_workers() -> None:
    """Look whether every queue was consumed lately, without asking the workers."""
    from app.jobs import presence  # which needs the application that this module is a part of

    if queues := await to_thread.run_sync(presence.unconsumed, abandon_on_cancel=True):
        message = f"no worker consumes {', '.join(queues)}"
        raise Unhealthy(message)


@check("result_backend")
async def ping_result_backend() -> None:
    """Ask for a result that does not exist."""
    await to_thread.run_sync(celery_app.backend.get_state, NO_SUCH_TASK, abandon_on_cancel=True)


async def ask(name: str, ping: Check) -> ServiceHealth:
    """Ask one service, for `LIMIT` seconds at most."""
    started = time.perf_counter()
    outcome: Literal["ok", "failed"] = "ok"
    detail = None
    try:
        with anyio.fail_after(LIMIT):
            await ping()
    except Exception as error:
        # Whatever a driver raises, the answer is the same.
        logger.warning("%s is not ready: %s: %s", name, type(error).__name__, error)
        outcome = "failed"
        # A driver's own words may name hosts.
        detail = str(error) if isinstance(error, Unhealthy) else None
    return ServiceHealth(status=outcome, seconds=round(time.perf_counter() - started, 4), detail=detail)


async def ask_all(names: Iterable[str]) -> dict[str, ServiceHealth]:
    """Ask some services, all at once."""
    answers: dict[str, ServiceHealth] = {}

    async def collect(name: str) -> None:
        answers[name] = await ask(name, CHECKS[name])

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(collect, name)
    return answers


def failed(answers: dict[str, ServiceHealth]) -> set[str]:
    """Return the services that cannot be used."""
    return {name for name, answer in answers.items() if answer.status != "ok"}


# Monitors ask with HEAD as well.
@router.head("/live", include_in_schema=False)
@router.get("/live")
async def live() -> dict[str, str]:
    """Say that the process answers. A restart is the remedy when it does not."""
    return {"status": "ok"}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses=UNHEALTHY)
async def ready(response: Response) -> Health:
    """Say whether this process can serve requests: 200, or 503 with the service that is missing.

    A broker or a worker that is missing is told, and is no reason to send requests elsewhere: all other API processes
    would miss it as well, and none could say what became of a task. `/health/workers` is the one to raise an alarm.
    """
    answers = await ask_all(CHECKS)
    missing = failed(answers)
    if missing & CRITICAL:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="failed", checks=answers)
    return Health(status="degraded" if missing else "ok", checks=answers)


@router.head("/workers", include_in_schema=False)
@router.get("/workers", responses=UNHEALTHY)
async def workers(response: Response) -> Health:
    """Say whether what is accepted is also done: 200, or 503 when the broker is down or nobody consumes a queue."""
    answers = await ask_all(CHECKS.keys() - CRITICAL)
    if not failed(answers):
        return Health(status="ok", checks=answers)
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(status="failed", checks=answers)
