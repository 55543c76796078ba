"""The transaction that this code runs in, and what waits for its commit."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.core.services import unavailable

logger = logging.getLogger(__name__)

Hook = Callable[[], None]


class Transaction:
    """An open transaction.

    A coroutine that was started inside it may outlive it, and must not use its session then.
    """

    def __init__(self, db: Session | AsyncSession) -> None:
        """Begin with no hooks."""
        self.db = db
        self.open = True
        self.after_commit: list[Hook] = []


_current: ContextVar[Transaction | None] = ContextVar("transaction", default=None)


def running() -> Transaction | None:
    """Return the innermost transaction of `session()` or `async_session()` that this code runs in."""
    found = _current.get()
    return found if found and found.open else None


@contextmanager
def current(db: Session | AsyncSession) -> Iterator[list[Hook]]:
    """Make a transaction known while it lasts; the list is filled with what is to be done after its commit."""
    transaction = Transaction(db)
    token = _current.set(transaction)
    try:
        yield transaction.after_commit
    finally:
        transaction.open = False
        _current.reset(token)


def run(hooks: list[Hook]) -> None:
    """Do what waited for the commit. A failure is logged: what was committed stays committed."""
    for hook in hooks:
        try:
            hook()
        except unavailable() as error:
            # The rest would meet the same: it is sent from the outbox.
            logger.warning("what was to follow a commit waits: %s: %s", type(error).__name__, error)
            return
        except Exception:
            logger.exception("what was to follow a commit has failed")
