"""What lies between the server and the routes: how long a body may be, which prefix a proxy has
taken off, and which pages in a browser may call.
"""

import re

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core import request_id
from app.core.config.settings import settings

# What a page may read beside the body.
EXPOSED = ["Location", "Retry-After", "WWW-Authenticate", request_id.HEADER]
AGE = 600  # seconds for which a browser may remember a permission, and so the longest life of one that was withdrawn
PREFIX_HEADER = "X-Forwarded-Prefix"
# A path and nothing else: it leads to no other host. It is used in the answer to the same request only, of which nobody
# keeps a copy, so it may be believed whoever sends it.
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


class BodyLimitMiddleware(RequestBodyLimitMiddleware):
    """Starlette's, which refuses a body that says how long it is before anything is done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless its body is too long."""
        length = Headers(scope=scope).get("Content-Length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > self.max_body_size:
            await JSONResponse({"detail": "Content Too Large"}, status_code=413)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


class ForwardedPrefixMiddleware:
    """Takes `X-Forwarded-Prefix` for the place where the application is mounted. `--root-path` comes first."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as a server would that was told of the prefix."""
        if scope["type"] == "http" and not scope.get("root_path"):
            prefix = Headers(scope=scope).get(PREFIX_HEADER, "").rstrip("/")
            if PREFIX.fullmatch(prefix):
                scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
        await self.app(scope, receive, send)


def allow_pages(api: FastAPI) -> None:
    """Let the pages of `CORS_ORIGINS` in; without any, a browser lets no page of another origin read an answer."""
    if settings.http.CORS_ORIGINS:
        # No credentials: callers are known by a header that a page sets itself, never by a cookie or a password that a
        # browser adds. So a page cannot act for a visitor whose key it does not have, whatever origins are allowed.
        api.add_middleware(
            CORSMiddleware,
            allow_origins=settings.http.CORS_ORIGINS,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=AGE,
        )
