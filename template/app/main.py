"""The API process: `uvicorn app.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from celery.result import denied_join_result
from fastapi import FastAPI

from app import api
from app.core import broker, errors, logging, middleware, results, stopping
from app.core.answers import AnswerHeadersMiddleware
from app.core.celery import celery_app
from app.core.config.settings import settings
from app.core.request_id import RequestIdMiddleware
from app.jobs import refusals, routing

# Somebody waits for every answer of this process, so it gives up early where a worker would wait.
celery_app.conf.update({**broker.FAIL_FAST, **results.FAIL_FAST})


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Set up what belongs to the running process."""
    logging.configure()
    routing.report()
    # Nobody waits for a result here. Without this, Celery would keep a subscription for each task that was ever sent.
    with denied_join_result(), stopping.heard():
        yield


app = FastAPI(
    title=settings.app.TITLE,
    lifespan=lifespan,
    # Without it there is neither `/docs` nor `/redoc`.
    openapi_url="/openapi.json" if settings.app.describes_itself else None,
    # A redirect would lead to whatever host the caller has named.
    redirect_slashes=False,
)
# The last one added is the first to see a request, and the last to see its answer.
app.add_middleware(middleware.BodyLimitMiddleware, max_body_size=settings.limits.MAX_BODY_BYTES)
app.add_middleware(errors.InternalErrorMiddleware)
middleware.allow_pages(app)
app.add_middleware(middleware.ForwardedPrefixMiddleware)
app.add_middleware(AnswerHeadersMiddleware)
app.add_middleware(RequestIdMiddleware)
app.include_router(api.router)
errors.install(app)
refusals.install(app)
