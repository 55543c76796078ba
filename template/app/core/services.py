"""The services that this application needs: how to see that one answers, and what it raises when it does not."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError

Check = Callable[[], Awaitable[None]]

# Asked by `/health/ready`, by the name that its answer shows.
CHECKS: dict[str, Check] = {}
# Turned into 503 by `app.core.errors`.
UNAVAILABLE: set[type[Exception]] = {OperationalError, ConnectionError, TimeoutError}


class SentLater(ConnectionError):
    """A service is down, and what was asked of it is kept for later; the message is a sentence for the caller."""


def unavailable() -> tuple[type[Exception], ...]:
    """Return what is raised when a service is down, the result backend's driver included."""
    # For one of them kombu names `KeyError` too, which only its own event loop may raise: here that is a mistake.
    errors = getattr(current_app.backend, "connection_errors", ())
    return (*UNAVAILABLE, *(error for error in errors if error is not KeyError))


def reach_broker() -> None:
    """Open a connection to the broker.

    Raises:
        kombu.exceptions.OperationalError: It does not answer.
    """
    with connection() as broker:
        broker.ensure_connection(max_retries=1, timeout=1)


@contextmanager
def connection() -> Iterator[Connection]:
    """Open a connection to the broker, of which every driver says in the same way that it is lost.

    Raises:
        kombu.exceptions.OperationalError: In the block, too.
    """
    with current_app.connection_for_write() as opened:
        try:
            yield opened
        # Of one driver kombu names `KeyError` too, which only its own event loop may raise.
        except tuple(error for error in opened.connection_errors if error is not KeyError) as error:
            raise OperationalError(str(error)) from error


def check(name: str) -> Callable[[Check], Check]:
    """Register a function that raises when the service `name` cannot be used."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register
