"""Errors that are nobody's mistake: a service that is down, told to the caller at once."""

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app.core import services

logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds


async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """Answer 503 with a time to come back; the reason goes to the log, for it may name hosts."""
    logger.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return JSONResponse(
        {"detail": "A service that this request needs is unavailable. Try again shortly."},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def install(api: FastAPI) -> None:
    """Turn a service that is down into 503 on every route."""
    for error in services.unavailable():
        api.add_exception_handler(error, unavailable)
