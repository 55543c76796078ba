"""Health of the API: `live` touches nothing; `ready` asks every service that a request may need."""

import logging
import time
from typing import Literal

import anyio
from anyio import to_thread
from fastapi import APIRouter, Response, status
from pydantic import BaseModel

from app.core.celery import celery_app
from app.core.services import CHECKS, Check, check, reach_broker

logger = logging.getLogger(__name__)

LIMIT = 1.0  # seconds for each service
NO_SUCH_TASK = "00000000-0000-0000-0000-000000000000"

router = APIRouter(prefix="/health", tags=["health"])


class ServiceHealth(BaseModel):
    """One service's answer, and the seconds it took."""

    status: Literal["ok", "failed"]
    seconds: float


class Health(BaseModel):
    """Every service's answer; `ok` when all are."""

    status: Literal["ok", "failed"]
    checks: dict[str, ServiceHealth]


@check("broker")
async def ping_broker() -> None:
    """Open a connection to the broker."""
    await to_thread.run_sync(reach_broker, abandon_on_cancel=True)


@check("workers")
async def find_workers() -> None:
    """Look whether every queue was consumed lately, without asking the workers."""
    from app.jobs import presence  # which needs the application that this module is a part of

    if queues := await to_thread.run_sync(presence.unconsumed, abandon_on_cancel=True):
        message = f"no worker consumes {', '.join(queues)}"
        raise RuntimeError(message)


@check("result_backend")
async def ping_result_backend() -> None:
    """Ask for a result that does not exist."""
    await to_thread.run_sync(celery_app.backend.get_state, NO_SUCH_TASK, abandon_on_cancel=True)


async def ask(name: str, ping: Check) -> ServiceHealth:
    """Ask one service, for `LIMIT` seconds at most."""
    started = time.perf_counter()
    outcome: Literal["ok", "failed"] = "ok"
    try:
        with anyio.fail_after(LIMIT):
            await ping()
    except Exception as error:
        # Whatever a driver raises, the answer is the same.
        logger.warning("%s is not ready: %s: %s", name, type(error).__name__, error)
        outcome = "failed"
    return ServiceHealth(status=outcome, seconds=round(time.perf_counter() - started, 4))


@router.get("/live")
async def live() -> dict[str, str]:
    """Say that the process answers. A restart is the remedy when it does not."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"model": Health}})
async def ready(response: Response) -> Health:
    """Say whether requests can be served now: 200, or 503 with the service that is missing."""
    answers: dict[str, ServiceHealth] = {}

    async def collect(name: str, ping: Check) -> None:
        answers[name] = await ask(name, ping)

    async with anyio.create_task_group() as group:
        for name, ping in CHECKS.items():
            group.start_soon(collect, name, ping)

    if all(answer.status == "ok" for answer in answers.values()):
        return Health(status="ok", checks=answers)
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(status="failed", checks=answers)
