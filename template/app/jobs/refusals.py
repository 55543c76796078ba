"""What the API answers when it is asked for a job that cannot be: on every route that pushes one, yours included."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app.core import errors
from app.jobs.arguments import BadArguments
from app.jobs.making import TooLarge
from app.jobs.service import KeyReused


async def too_large(_: Request, error: Exception) -> JSONResponse:
    """Answer 413."""
    return JSONResponse({"detail": f"{error}."}, status_code=413)


async def bad_arguments(request: Request, error: Exception) -> JSONResponse:
    """Answer 422."""
    return await errors.unprocessable(request, errors.invalid(f"{error}.", "body"))


async def key_reused(request: Request, error: Exception) -> JSONResponse:
    """Answer 422."""
    return await errors.unprocessable(request, errors.invalid(f"{error}.", "header", "Idempotency-Key"))


def install(api: FastAPI) -> None:
    """Turn what `JobsService` raises into answers."""
    api.add_exception_handler(TooLarge, too_large)
    api.add_exception_handler(BadArguments, bad_arguments)
    api.add_exception_handler(KeyReused, key_reused)
