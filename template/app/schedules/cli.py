"""`app schedules`: what runs when, looked at and edited while the scheduler runs.

The commands import what they need when they run: settings are read once, and before that it is settled where this is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.jobs.cli import prepare
from app.schedules import options

if TYPE_CHECKING:
    from app.schedules.schedule import Schedule

cli = typer.Typer(
    callback=prepare,
    no_args_is_help=True,
    help="What runs when: look, add, edit, enable, disable, run now, remove.",
)

Name = Annotated[str, typer.Argument(help="The name that `list` shows.")]


@cli.command("list")
def list_() -> None:
    """List the schedules: state, next run, last run, task."""
    from app.schedules import service

    with _told():
        every = service.list_schedules()
    for found in every:
        task = getattr(found.schedule, "task", "-")
        typer.echo(f"{found.name}  {found.state}  next {_time(found.next_run)}  last {_time(found.last_run)}  {task}")
        for note in [*([found.problem] if found.problem else []), *found.notes]:
            typer.echo(f"    {note}")


@cli.command()
def show(name: Name) -> None:
    """Show one schedule."""
    from app.schedules import service

    with _told():
        typer.echo(service.show(name).model_dump_json(indent=2))


@cli.command("add", help="Add a schedule: its task, and one of --crontab, --every and --at.")
@cli.command("edit", help="Change what is given of a schedule; an empty text takes away what was given before.")
def save(
    context: typer.Context,
    name: Name,
    task: options.Task = None,
    crontab: options.Cron = None,
    every: options.Every = None,
    at: options.At = None,
    timezone: options.Zone = None,
    kwargs: options.Kwargs = None,
    queue: options.Queue = None,
    priority: options.Priority = None,
    expires: options.Expires = None,
    starts_at: options.StartsAt = None,
    ends_at: options.EndsAt = None,
    missed: options.Missed = None,
    organization: options.Organization = None,
) -> None:
    """Add a schedule, or change it."""
    from app.schedules import service
    from app.schedules.entry import parse

    when = {"crontab": crontab, "every": every, "at": at, "timezone": timezone}
    others = {"task": task, "queue": queue, "priority": priority, "expires": expires, "starts_at": starts_at}
    others |= {"ends_at": ends_at, "missed": missed, "organization_id": organization}
    with _told():
        adds = context.info_name == "add"

        def changed(fields: dict[str, Any]) -> "Schedule":
            return parse(options.changed(fields, when, kwargs, others))

        found = service.add(name, changed({})) if adds else service.change(name, changed)
    typer.echo(f"{'Added' if adds else 'Changed'} {name}; it runs next at {_time(found.next_run)}.")


@cli.command()
def enable(name: Name) -> None:
    """Let a schedule run."""
    from app.schedules import service

    with _told():
        found = service.enable(name, enabled=True)
    typer.echo(f"Enabled {name}; it runs next at {_time(found.next_run)}.")


@cli.command()
def disable(name: Name) -> None:
    """Let a schedule run no more."""
    from app.schedules import service

    with _told():
        service.enable(name, enabled=False)
    typer.echo(f"Disabled {name}.")


@cli.command()
def run(name: Name) -> None:
    """Run a schedule now, enabled or not."""
    from app.schedules import service

    with _told():
        task_id = service.run(name)
    typer.echo(f"Sent {name} as {task_id}.")


@cli.command()
def remove(name: Name) -> None:
    """Remove a schedule that is not in the code."""
    from app.schedules import service

    with _told():
        service.remove(name)
    typer.echo(f"Removed {name}.")


@contextmanager
def _told() -> Iterator[None]:
    """End the command with one sentence for what a user can fix."""
    from app.core.services import unavailable
    from app.schedules.entry import BadSchedule
    from app.schedules.service import NoSuchSchedule, NotPossible

    try:
        yield
    except NoSuchSchedule as error:
        _fail(f"there is no schedule `{error.args[0]}`; `app schedules list` shows them")
    except (BadSchedule, NotPossible) as error:
        _fail(str(error))
    except unavailable() as error:
        _fail(f"a server cannot be reached: {type(error).__name__}: {error}")


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}.", err=True)
    raise typer.Exit(1)


def _time(time: datetime | None) -> str:
    return time.isoformat(timespec="seconds") if time else "-"
