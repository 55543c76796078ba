"""Errors that are nobody's mistake: a service that is down, told to the caller at once."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from app.core import services

logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds


async def unavailable(request: Request, error: Exception) -> JSONResponse:
    """Answer 503 with a time to come back; the reason goes to the log, for it may name hosts."""
    logger.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    kept = isinstance(error, services.SentLater)
    return JSONResponse(
        {"detail": str(error) if kept else "A service that this request needs is unavailable. Try again shortly."},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER)},
    )


async def unprocessable(_: Request, error: Exception) -> JSONResponse:
    """Answer 422 without what was sent, which may be private, and may be no JSON: `NaN` is none."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return JSONResponse({"detail": problems}, status_code=422)


def install(api: FastAPI) -> None:
    """Turn a service that is down into 503 on every route, and keep what callers send out of answers."""
    api.add_exception_handler(RequestValidationError, unprocessable)
    for error in services.unavailable():
        api.add_exception_handler(error, unavailable)
