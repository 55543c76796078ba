"""The API as a team may have it: with a prefix before the routes, and a mistake in one. `uvicorn tests.served:app`."""

from fastapi import Request

from tests import outcomes, tasks  # noqa: F401  # known before the routes of public tasks are made

# isort: split
from app.jobs import routes
from app.main import app

app.include_router(routes.router, prefix="/api/v1")


@app.get("/caller")
async def caller(request: Request) -> dict[str, str]:
    """Tell what the application knows of a request."""
    return {"scheme": request.url.scheme, "host": request.client.host if request.client else ""}


@app.get("/mistake")
async def mistake() -> None:
    """Fail."""
    raise ZeroDivisionError
