"""`forge doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forge_cli import output

Project = Annotated[Path, typer.Argument(metavar="[DIR]", help="The project; by default this one.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def trust(
    project: Project = Path(),
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust it no longer.")] = False,
) -> None:
    """Say that you trust a project: Forge may run its code, and the programs in its git configuration, as you.

    It is remembered for this directory. What `forge new` makes from the installed template is trusted from the start.
    """
    from forge_cli import answers_file, trust

    answers_file.read(project)
    if revoke:
        trust.remove(project)
        output.line(f"`{project.resolve()}` is not trusted.")
    else:
        trust.add(project)
        output.line(f"`{project.resolve()}` is trusted.")


def doctor(project: Project = Path(), as_json: Json = False) -> None:
    """Say what keeps a project from running here, and how to fix it.

    It changes nothing on the project's servers and prints no secret. It imports the project's code with the project's
    own Python, once you have said by `forge trust` that you trust it. Exit code 1: something keeps it from running.
    """
    from forge_cli import output_doctor
    from forge_cli.doctor import examine

    with output.progress("Looking at the project...", enabled=not as_json):
        found = examine(project)
    output_doctor.diagnosis(found, as_json=as_json)
    raise typer.Exit(found.exit_code)
