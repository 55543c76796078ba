"""A script that sends jobs: it reads what to do from its input, a JSON text on each line, and answers so."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from app.jobs.service import JobsService

jobs = JobsService()


def say(**answer: Any) -> None:
    """Answer."""
    print(json.dumps(answer), flush=True)


def push(wanted: list[dict[str, Any]], organization: str) -> None:
    """Send jobs, and say under which ids."""
    for job in wanted:
        info = jobs.push_task(job["task"], organization, **job["options"], **job["arguments"])
        say(number=job["arguments"]["number"], id=str(info.task_id))


async def push_async(wanted: list[dict[str, Any]], organization: str) -> None:
    """Do the same without blocking."""
    for job in wanted:
        info = await jobs.push_task_async(job["task"], organization, **job["options"], **job["arguments"])
        say(number=job["arguments"]["number"], id=str(info.task_id))


def in_a_transaction(wanted: list[dict[str, Any]], organization: str, ending: str) -> None:
    """Send jobs in a transaction, which is committed, rolled back, or committed as the last thing that happens."""
    from app.core.database import session
    from sqlalchemy import event

    with session() as db:
        push(wanted, organization)
        if ending == "rollback":
            raise UnwantedError
        if ending == "die":

            @event.listens_for(db, "after_commit")
            def die(_: Any) -> None:
                say(ended="commit")
                os.kill(os.getpid(), signal.SIGKILL)


async def in_a_transaction_async(wanted: list[dict[str, Any]], organization: str, ending: str) -> None:
    """Do the same without blocking."""
    from app.core.database import async_session

    async with async_session():
        await push_async(wanted, organization)
        if ending == "rollback":
            raise UnwantedError


class UnwantedError(Exception):
    """The transaction is rolled back."""


def main() -> None:
    """Do one thing after the other."""
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            order = json.loads(line)
            wanted, organization, how = order["jobs"], order["organization"], order["how"]
            try:
                if how == "push":
                    push(wanted, organization)
                elif how == "push_async":
                    runner.run(push_async(wanted, organization))
                elif how.endswith("_async"):
                    runner.run(in_a_transaction_async(wanted, organization, how.removesuffix("_async")))
                else:
                    in_a_transaction(wanted, organization, how)
                say(ended="commit")
            except UnwantedError:
                say(ended="rollback")
            except Exception as error:
                say(ended="error", error=f"{type(error).__name__}: {error}")


main()
