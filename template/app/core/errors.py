"""Errors as answers: one form for all of them, and what OpenAPI says of each.

An error is `{"detail": "a sentence"}`; a 422 lists in `detail` what is wrong with which part of the request.
"""

import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import services

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])
Responses = dict[int | str, dict[str, Any]]

RETRY_AFTER = 5  # seconds
HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "string", "How to make oneself known."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "integer", "Seconds to wait."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "integer", "Seconds to wait."),
}
# What each dependency answers in place of the route that depends on it.
RAISED: dict[Callable[..., Any], Responses] = {}


class HTTPError(BaseModel):
    """Why a request was not served."""

    detail: str


def responses(*statuses: int) -> Responses:
    """Return what OpenAPI says of these errors: for the argument `responses` of a route."""
    return {status: _described(HTTPStatus(status)) for status in statuses}


def raises(*statuses: int) -> Callable[[F], F]:
    """Say which errors a dependency answers with: OpenAPI shows them on every route that depends on it."""

    def note(dependency: F) -> F:
        RAISED[dependency] = responses(*statuses)
        return dependency

    return note


def invalid(problem: str, *where: str) -> RequestValidationError:
    """Return the error that is answered with 422.

    Args:
        problem: A sentence.
        where: The part of the request, such as `"query", "cursor"`.
    """
    return RequestValidationError([{"type": "value_error", "loc": where, "msg": problem}])


def _described(status: HTTPStatus) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{HTTPError.__name__}"}
    described: dict[str, Any] = {
        "description": status.phrase,
        "content": {"application/json": {"schema": schema}},
    }
    if status in HEADERS:
        name, kind, meaning = HEADERS[status]
        described["headers"] = {name: {"description": meaning, "required": True, "schema": {"type": kind}}}
    return described


# Whatever a route does; and what may be wrong with a body before a route has it.
ANY = responses(500, 503)
WITH_A_BODY = responses(400, 413)


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


class InternalErrorMiddleware:
    """Answers 500 where nothing has answered yet, inside the middleware that adds headers to every answer.

    Starlette's own answer is made outside of it: plain text, without the request's id.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the error to whoever logs it."""
        answered = False

        async def send_and_note(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] == "http" and not answered:
                await JSONResponse({"detail": "Internal Server Error"}, status_code=500)(scope, receive, send)
            raise


def install(api: FastAPI) -> None:
    """Turn a service that is down into 503 on every route, keep what callers send out of answers, and describe them."""
    api.add_exception_handler(RequestValidationError, unprocessable)
    for error in services.unavailable():
        api.add_exception_handler(error, unavailable)
    _describe(api)


def _describe(api: FastAPI) -> None:
    """Complete what FastAPI's OpenAPI knows of the routes, those of `app/api.py` included."""
    generate = api.openapi

    def openapi() -> dict[str, Any]:
        description = generate()
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(HTTPError.__name__, HTTPError.model_json_schema())
        for route in iter_route_contexts(api.routes):
            if isinstance(route.original_route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    operation = description["paths"][route.path_format][method.lower()]
                    for status, answer in _errors_of(route).items():
                        operation["responses"].setdefault(str(status), answer)
        return description

    api.openapi = openapi  # type: ignore[method-assign]


def _errors_of(route: RouteContext) -> Responses:
    found = ANY | (WITH_A_BODY if route.body_field else {})
    for call in _calls(route.dependant):
        found |= RAISED.get(call, {})
    return found


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for dependency in dependant.dependencies:
        if dependency.call:
            yield dependency.call
        yield from _calls(dependency)
