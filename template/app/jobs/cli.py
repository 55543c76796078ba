"""`app dead-letters`: what could not be processed.

The commands import what they need when they run: settings are read once, and before that it is settled where this is.
"""

import json
from typing import Annotated, NoReturn

import typer

from app.core.config.base import default_to_development

cli = typer.Typer(no_args_is_help=True, help="Messages that could not be processed: look, send again, delete.")

LetterId = Annotated[str, typer.Argument(help="The id that `list` shows.")]


@cli.callback()
def prepare() -> None:
    """Know every task, to tell an unknown one."""
    default_to_development()
    from app.jobs.registry import import_tasks

    import_tasks()


@cli.command("list")
def list_(limit: Annotated[int, typer.Option(min=1, help="How many, oldest first.")] = 100) -> None:
    """List the dead letters, oldest first."""
    from app.jobs import dead_letters

    for letter in dead_letters.list_dead_letters(limit):
        death = letter.death
        error = f": {death.error.type}: {_in_a_line(death.error.message)}" if death.error else ""
        typer.echo(f"{letter.id}  {death.died_at or '?'}  {letter.task_name or '-'}  {death.reason}{error}")


@cli.command()
def show(letter_id: LetterId) -> None:
    """Show one dead letter, with its history and its content."""
    from app.jobs import dead_letters

    try:
        # As ASCII: what came through the broker may hold what a terminal takes for a command.
        typer.echo(json.dumps(dead_letters.show(letter_id).model_dump(mode="json"), indent=2))
    except dead_letters.NoSuchDeadLetter:
        _not_found(letter_id)


@cli.command()
def replay(letter_id: LetterId) -> None:
    """Send a dead letter to its queue again, under its own id."""
    from app.jobs import dead_letters

    try:
        letter = dead_letters.replay(letter_id)
    except dead_letters.NoSuchDeadLetter:
        _not_found(letter_id)
    except dead_letters.CannotReplay as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Sent {letter.id} to the queue {letter.queue}.")


@cli.command()
def purge(
    letter_id: Annotated[str | None, typer.Argument(help="One of them; all when it is left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all are deleted.")] = False,
) -> None:
    """Delete one dead letter, or all of them."""
    from app.jobs import dead_letters

    if letter_id is None and not yes:
        typer.confirm("Delete every dead letter?", abort=True)
    try:
        count = dead_letters.purge(letter_id)
    except dead_letters.NoSuchDeadLetter:
        _not_found(letter_id or "")
    typer.echo(f"Deleted {count}.")


def _in_a_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _not_found(letter_id: str) -> NoReturn:
    typer.echo(f"error: there is no dead letter `{letter_id}`; `app dead-letters list` shows them.", err=True)
    raise typer.Exit(1)
