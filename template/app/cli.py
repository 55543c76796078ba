"""The project's own command: `app --help`."""

from typing import Annotated

import typer

from app.jobs.cli import cli as dead_letters

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(dead_letters, name="dead-letters")


@cli.callback()
def main_help() -> None:
    """Commands for those who develop and run this project."""


@cli.command()
def dev(
    port: Annotated[int, typer.Option(help="The port of the API.")] = 8000,
) -> None:
    """Run every process of the project together, until Ctrl-C. For development only."""
    from app import dev as development  # its dependencies are not in the image

    raise typer.Exit(development.run(port))


def main() -> None:
    """Run the command."""
    cli()
