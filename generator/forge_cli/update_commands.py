"""`forge update`, `forge set` and `forge check`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from forge_cli import answers_file, output
from forge_cli.errors import ForgeError, UsageError

Projects = Annotated[list[Path] | None, typer.Argument(metavar="[DIR]...", help="The projects; by default this one.")]
Changes = Annotated[list[str], typer.Argument(metavar="[DIR] KEY=VALUE...", help="The answers that change.")]
To = Annotated[str | None, typer.Option("--to", metavar="VERSION", help="The version; by default the newest.")]
Template = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Where the template is; by default where the project says.")
]
Data = Annotated[
    list[str] | None, typer.Option("--data", "-d", metavar="KEY=VALUE", help="An answer to a new question; repeatable.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the files are changed.")]
Abort = Annotated[bool, typer.Option("--abort", help="Take the project back to what it was before the update.")]
Continue = Annotated[bool, typer.Option("--continue", help="End the update: its conflicts are resolved.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else; ask nothing.")]


def update(
    projects: Projects = None,
    to: To = None,
    template: Template = None,
    data: Data = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    abort: Abort = False,
    go_on: Continue = False,
    as_json: Json = False,
) -> None:
    """Bring projects to a newer version of the template, and keep what was made of them.

    First it says what would change and where there will be conflicts. Exit code 3: there are conflicts to resolve.
    """
    places = projects or [Path.cwd()]
    if abort and go_on:
        raise UsageError("--abort and --continue do not go together.")
    if abort or go_on:
        for place in places:
            _end(place, aborted=abort, as_json=as_json)
        return
    _change(places, to=to, template=template, given=data or [], dry_run=dry_run, yes=yes, as_json=as_json)


def set_answers(
    changes: Changes, template: Template = None, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Change answers of a project, at the version that it has: `forge set broker=rabbitmq flower=no`.

    It says what the change means outside git. `forge update --abort` takes it back. Exit code 3: there are conflicts.
    """
    place = Path.cwd() if "=" in changes[0] else Path(changes[0])
    given = changes if "=" in changes[0] else changes[1:]
    if not given:
        raise UsageError("Say which answers change, as in `forge set flower=no`. `forge options` lists them.")
    _change([place], to=None, template=template, given=given, dry_run=dry_run, yes=yes, as_json=as_json, same=True)


def check(projects: Projects = None, template: Template = None, as_json: Json = False) -> None:
    """Say whether projects are current, and what is left over from an update.

    Exit code 0: current; 4: behind; 3: conflict markers or rejected changes are left.
    """
    from forge_cli import checking, output_update
    from forge_cli.sources import reading

    codes, documents = [], list[dict[str, Any]]()
    with reading() as sources:
        for place in projects or [Path.cwd()]:
            try:
                found = checking.check(place, sources, template=template)
            except ForgeError as error:
                codes.append(_report(place, error, alone=len(projects or []) < 2, documents=documents, as_json=as_json))
                continue
            codes.append(found.exit_code)
            documents.append(output_update.document_of_check(found))
            if not as_json:
                output_update.check(found)
    _exit(codes, documents, as_json=as_json, order=(1, 2, 3, 4))


def _change(
    places: list[Path],
    *,
    to: str | None,
    template: str | None,
    given: list[str],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    same: bool = False,
) -> None:
    """Plan every project, ask once, and carry out what was planned."""
    from forge_cli import output_update, updating
    from forge_cli.sources import reading

    codes, documents = [], list[dict[str, Any]]()
    with reading() as sources, ExitStack() as stack:
        plans: list[updating.Plan] = []
        for place in places:
            try:
                version = answers_file.read(place).version if same else to
                planned = updating.planned(place, sources, to=version, template=template, given=given, renames=not same)
                plans.append(stack.enter_context(planned))
            except ForgeError as error:
                codes.append(_report(place, error, alone=len(places) == 1, documents=documents, as_json=as_json))
                continue
            if not as_json:
                output_update.preview(plans[-1])
        needed = [plan for plan in plans if plan.is_needed]
        go = bool(needed) and not dry_run and (yes or as_json or _agreed(len(needed)))
        for plan in plans:
            written = go and plan.is_needed
            try:
                if written:
                    updating.carry_out(plan, _title(plan, given, same=same))
            except ForgeError as error:
                codes.append(_report(plan.project, error, alone=len(places) == 1, documents=documents, as_json=as_json))
                continue
            codes.append(3 if written and plan.merge.conflicts else 0)
            documents.append(output_update.document_of_plan(plan, written=written))
            if written and not as_json:
                output_update.done(plan)
        if needed and not go and not as_json:
            output.line("Nothing was changed.")
    _exit(codes, documents, as_json=as_json, order=(1, 2, 3))


def _title(plan: Any, given: list[str], *, same: bool) -> str:
    return f"set {' '.join(given)}" if same else f"update from {plan.old.name} to {plan.new.name}"


def _agreed(count: int) -> bool:
    output.refuse_without_terminal("There is no terminal to ask in. Pass --yes to go on, or --dry-run to stop here.")
    return typer.confirm(f"Change {f'these {count} projects' if count > 1 else 'the project'}?")


def _end(place: Path, *, aborted: bool, as_json: bool) -> None:
    from forge_cli import output_update
    from forge_cli.applying import Journal

    answers_file.read(place)
    journal = Journal(place)
    with journal.locked():
        ended = journal.abort() if aborted else journal.finish()
    if as_json:
        output.document({"project": str(place.absolute()), "ended": ended.title, "aborted": aborted})
    else:
        output_update.ended(ended, place, aborted=aborted)


def _report(place: Path, error: ForgeError, *, alone: bool, documents: list[dict[str, Any]], as_json: bool) -> int:
    """Go on after a project that cannot be done, if there are others."""
    from forge_cli import output_update

    if alone:
        raise error
    documents.append(output_update.document_of_failure(place, error))
    if not as_json:
        output.error(f"{place}: {error}", error.exit_code, as_json=False)
    return error.exit_code


def _exit(codes: list[int], documents: list[dict[str, Any]], *, as_json: bool, order: tuple[int, ...]) -> None:
    if as_json:
        output.document({"projects": documents})
    if code := next((code for code in order if code in codes), 0):
        raise typer.Exit(code)
