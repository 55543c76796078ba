"""`forge doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forge_cli import output

Project = Annotated[Path, typer.Argument(metavar="[DIR]", help="The project; by default this one.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def doctor(project: Project = Path(), as_json: Json = False) -> None:
    """Say what keeps a project from running here, and how to mend it.

    It changes nothing and prints no secret. Exit code 1: something keeps the project from running.
    """
    from forge_cli import output_doctor
    from forge_cli.doctor import examine

    with output.progress("Looking at the project...", enabled=not as_json):
        found = examine(project)
    output_doctor.diagnosis(found, as_json=as_json)
    raise typer.Exit(found.exit_code)
