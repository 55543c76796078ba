"""`forge update`, `forge set` and `forge check`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_cli import output, terminal
from forge_cli.errors import ForgeError, UsageError

if TYPE_CHECKING:
    from forge_cli.updating import Plan

Projects = Annotated[list[Path] | None, typer.Argument(metavar="DIR", help="The projects; by default this one.")]
Changes = Annotated[
    list[str],
    typer.Argument(
        metavar="KEY=VALUE", help="The answers that change, after the directory of the project if it is another."
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="VERSION", help="The version; by default the newest.")]
Template = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Where the template is; by default where the project says.")
]
Data = Annotated[
    list[str] | None,
    typer.Option("--data", "-d", metavar="KEY=VALUE", help="An answer, as to a new question; repeatable."),
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
    if abort and go_on:
        raise UsageError("--abort and --continue do not go together.")
    results = _Results(projects or [Path.cwd()], as_json=as_json)
    if abort or go_on:
        _end(results, aborted=abort)
    else:
        _change(results, to=to, template=template, given=data or [], dry_run=dry_run, yes=yes, same=False)


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
    results = _Results([place], as_json=as_json)
    _change(results, to=None, template=template, given=given, dry_run=dry_run, yes=yes, same=True)


def check(projects: Projects = None, template: Template = None, as_json: Json = False) -> None:
    """Say whether projects are current, and what is left over from an update.

    Exit code 0: current; 4: behind; 3: conflict markers or rejected changes are left.
    """
    from forge_cli import checking, output_update
    from forge_cli.sources import reading

    results = _Results(projects or [Path.cwd()], as_json=as_json)
    with reading() as sources:
        for place in results.places:
            with results.of(place):
                found = checking.check(place, sources, template=template)
                results.add(found.exit_code, output_update.document_of_check(found))
                if not as_json:
                    output_update.check(found)
    results.end()


class _Results:
    """What came of each project. One that cannot be done stops no other."""

    def __init__(self, places: list[Path], *, as_json: bool) -> None:
        self.places = list(dict.fromkeys(places))
        self.as_json = as_json
        self._codes: set[int] = set()
        self._documents: list[dict[str, Any]] = []

    @contextmanager
    def of(self, place: Path) -> Iterator[None]:
        """Report what goes wrong with one of several projects."""
        from forge_cli import output_update

        try:
            yield
        except ForgeError as error:
            if len(self.places) == 1:
                raise
            self.add(error.exit_code, output_update.document_of_failure(place, error))
            if not self.as_json:
                output.error(f"{place}: {error}", error.exit_code, as_json=False)

    def add(self, code: int, document: dict[str, Any]) -> None:
        self._codes.add(code)
        self._documents.append(document)

    def end(self) -> None:
        """Print everything as JSON, if that is wanted, and exit with the worst code."""
        if self.as_json:
            output.document({"projects": self._documents})
        if code := next((code for code in (1, 2, 3, 4) if code in self._codes), 0):
            raise typer.Exit(code)


def _change(
    results: _Results,
    *,
    to: str | None,
    template: str | None,
    given: list[str],
    dry_run: bool,
    yes: bool,
    same: bool,
) -> None:
    """Plan every project, ask once, and carry out what was planned."""
    from forge_cli import output_update, updating
    from forge_cli.sources import reading

    as_json = results.as_json
    with reading() as sources, ExitStack() as stack:
        plans: list[updating.Plan] = []
        for place in results.places:
            with results.of(place):
                planned = updating.planned(place, sources, to=to, template=template, given=given, same=same)
                plans.append(stack.enter_context(planned))
                if not as_json:
                    output_update.preview(plans[-1])
        needed = [plan for plan in plans if plan.is_needed]
        go = bool(needed) and not dry_run and (yes or as_json or _agreed(len(needed)))
        for plan in plans:
            with results.of(plan.project):
                written = go and plan.is_needed
                if written:
                    updating.carry_out(plan, _title(plan, given, same=same))
                conflicts = written and bool(plan.merge.conflicts)
                results.add(3 if conflicts else 0, output_update.document_of_plan(plan, written=written))
                if written and not as_json:
                    output_update.done(plan)
    if needed and not go and not as_json:
        output.line("Nothing was changed.")
    results.end()


def _title(plan: Plan, given: list[str], *, same: bool) -> str:
    return f"set {' '.join(given)}" if same else f"update from {plan.old.name} to {plan.new.name}"


def _agreed(count: int) -> bool:
    if not terminal.can_ask():
        raise UsageError("There is no terminal to ask in. Pass --yes to go on, or --dry-run to stop here.")
    return typer.confirm(f"Change {f'these {count} projects' if count > 1 else 'the project'}?")


def _end(results: _Results, *, aborted: bool) -> None:
    """Take back what was done, or end it."""
    from forge_cli import output_update
    from forge_cli.applying import Journal

    for place in results.places:
        with results.of(place):
            journal = Journal(place)
            with journal.locked():
                ended = journal.abort() if aborted else journal.finish()
            results.add(0, {"project": str(place.absolute()), "ended": ended.title, "aborted": aborted})
            if not results.as_json:
                output_update.ended(ended, place, aborted=aborted)
    results.end()
