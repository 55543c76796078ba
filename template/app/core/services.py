"""The services that this application needs: how to see that one answers, and what it raises when it does not."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError

Check = Callable[[], Awaitable[None]]

# Seconds. A broker takes back what it has delivered to somebody of whom it has heard nothing for twice as long.
HEARTBEAT = 20

# Asked by `/health/ready`, by the name that its answer shows.
CHECKS: dict[str, Check] = {}
# Those without which the API can serve next to nothing.
CRITICAL: set[str] = set()
# Turned into 503 by `app.core.errors`.
UNAVAILABLE: set[type[Exception]] = {OperationalError, ConnectionError, TimeoutError}


class Unhealthy(Exception):
    """A service is not as it should be; the message is a sentence for everybody who asks after its health."""


class SentLater(ConnectionError):
    """A service is down, and what was asked of it is kept for later; the message is a sentence for the caller."""


def unavailable() -> tuple[type[Exception], ...]:
    """Return what is raised when a service is down, the result backend's driver included."""
    return (*UNAVAILABLE, *lost_connection(getattr(current_app.backend, "connection_errors", ())))


def lost_connection(errors: Iterable[Any]) -> tuple[type[Exception], ...]:
    """Return the errors that tell that a connection is gone.

    Args:
        errors: What kombu names. With one driver `KeyError` is among them, which only its own event loop may raise:
            elsewhere that is a mistake, and nonsense raises it too.
    """
    return tuple(error for error in errors if error is not KeyError)


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
    with current_app.connection_for_write(heartbeat=HEARTBEAT) as opened:
        try:
            yield opened
        except lost_connection(opened.connection_errors) as error:
            raise OperationalError(str(error)) from error


def check(name: str, *, critical: bool = True) -> Callable[[Check], Check]:
    """Register a function that raises when a service cannot be used.

    Args:
        name: The service.
        critical: Whether an API process without it is not to be sent requests.
    """

    def register(function: Check) -> Check:
        CHECKS[name] = function
        if critical:
            CRITICAL.add(name)
        return function

    return register
