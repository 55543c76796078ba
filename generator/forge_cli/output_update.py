"""What `forge update`, `forge set` and `forge check` print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forge_cli import consequences, output
from forge_cli.applying import Update
from forge_cli.changelog import Entry
from forge_cli.checking import Check
from forge_cli.errors import ForgeError
from forge_cli.questions import Answer
from forge_cli.updating import Plan

EXPLAINED = {
    "conflict": "will have a conflict, to be resolved by hand",
    "kept": "stays because it was edited; the template has it no more",
    "own": "stays as it is; the template would bring one of its own",
    "deleted": "stays deleted; the template has changed it",
}


def preview(plan: Plan) -> None:
    """Say what an update would do."""
    place = str(plan.project)
    if plan.undone:
        output.line(f"{place}: an update that was interrupted ({plan.undone}) was undone.")
    if not plan.is_needed:
        output.line(f"{place} is current: {plan.new.name}. There is nothing to change.")
        return
    same = plan.old.commit == plan.new.commit
    output.line(f"{place}: {plan.new.name}" if same else f"{place}: {plan.old.name} -> {plan.new.name}", "")
    _changelog(plan.entries)
    _answers(plan)
    _files(plan)
    outside = consequences.of(plan.before, plan.after)
    added, removed = plan.settings
    outside += [f"new settings, which .env.example explains: {', '.join(added)}."] if added else []
    outside += [f"settings that nothing reads now: {', '.join(removed)}."] if removed else []
    if outside:
        output.line("Outside git:", *(f"  {note}" for note in outside), "")


def done(plan: Plan) -> None:
    """Say what was done, and what comes next."""
    conflicts = list(plan.merge.conflicts)
    changed = plan.merge.changes
    if conflicts:
        output.line(f"{plan.project} is at {plan.new.name}, with conflicts in {len(conflicts)} files:")
        output.line(*(f"  {path}" for path in conflicts))
        output.line("Resolve them and run `forge update --continue`; `forge update --abort` takes everything back.")
    else:
        output.line(f"{plan.project} is at {plan.new.name}. Look at `git diff`, and commit.")
        output.line("`forge update --abort` takes everything back until then.")
    if "pyproject.toml" in changed:
        output.line("pyproject.toml has changed: `uv sync` brings the lock file and .venv up to date.")
    if any(path.startswith("migrations/versions/") and kind == "added" for path, kind in changed.items()):
        output.line("There are new migrations: `alembic upgrade heads`, or `make migrate`.")


def ended(update: Update, project: Path, *, aborted: bool) -> None:
    """Say that an update is over."""
    if aborted:
        output.line(f"{update.title} was undone; {project} is as it was before.")
    else:
        output.line(f"{project}: no conflict is left ({update.title}). Look at `git diff --cached`, and commit.")


def check(found: Check) -> None:
    """Say how a project stands to its template."""
    place = str(found.project)
    if found.undone:
        output.line(f"{place}: an update that was interrupted ({found.undone}) was undone.")
    if found.behind:
        output.line(f"{place} is behind: {found.version.name}, and there is {found.newest.name}. `forge update`.", "")
        _changelog(found.entries)
    else:
        output.line(f"{place} is current: {found.version.name}.")
    if found.unfinished:
        output.line(f"An update is not over ({found.unfinished}): commit it, or `forge update --abort`.")
    for title, paths in (
        ("Conflict markers are left in:", found.markers),
        ("Rejected changes are left in:", found.rejects),
        ("Files of the template that are no longer here, and stay away:", found.deleted),
    ):
        if paths:
            output.line(title, *(f"  {path}" for path in paths))
    if found.differs:
        output.line("Answers that are not today's defaults:")
        width = max(map(len, found.differs))
        for name, (answer, default) in found.differs.items():
            output.line(f"  {name:<{width}}  {_said(answer)} (default: {_said(default)})")


def document_of_plan(plan: Plan, *, written: bool) -> dict[str, Any]:
    """A plan as JSON has it."""
    merge = plan.merge
    return {
        "project": str(plan.project.absolute()),
        "template": plan.address,
        "from": plan.old.name,
        "to": plan.new.name,
        "changelog": [{"version": entry.name, "text": entry.text} for entry in plan.entries],
        "answers": {name: {"before": old, "after": new} for name, old, new in _changed_answers(plan)},
        **{kind: _of_kind(plan, kind) for kind in ("added", "changed", "removed")},
        "conflicts": list(merge.conflicts),
        "kept": merge.kept,
        "own": merge.own,
        "moved": merge.moved,
        "deleted": merge.deleted,
        "outside_git": consequences.of(plan.before, plan.after),
        "settings": {"added": plan.settings[0], "removed": plan.settings[1]},
        "undone": plan.undone,
        "written": written,
    }


def document_of_check(found: Check) -> dict[str, Any]:
    """A check as JSON has it."""
    return {
        "project": str(found.project.absolute()),
        "template": found.address,
        "version": found.version.name,
        "newest": found.newest.name,
        "behind": found.behind,
        "changelog": [{"version": entry.name, "text": entry.text} for entry in found.entries],
        "differs": {name: {"answer": answer, "default": default} for name, (answer, default) in found.differs.items()},
        "markers": found.markers,
        "rejects": found.rejects,
        "deleted": found.deleted,
        "unfinished": found.unfinished,
        "undone": found.undone,
    }


def document_of_failure(project: object, error: ForgeError) -> dict[str, Any]:
    """What went wrong with one project of several, as JSON has it."""
    return {"project": str(project), "error": {"message": str(error), "exit_code": error.exit_code}}


def _changelog(entries: list[Entry]) -> None:
    for entry in entries:
        output.line(f"{entry.name}:", *(f"  {line}".rstrip() for line in entry.text.splitlines()), "")


def _answers(plan: Plan) -> None:
    changed = _changed_answers(plan)
    if not changed:
        return
    output.line("Answers:")
    for name, old, new in changed:
        if old is None:
            output.line(f"  {name}: {_said(new)} (a new question; another answer: -d {name}=...)")
        elif new is None:
            output.line(f"  {name}: no longer asked")
        else:
            output.line(f"  {name}: {_said(old)} -> {_said(new)}")
    output.line("")


def _files(plan: Plan) -> None:
    merge = plan.merge
    output.line("Files:")
    for kind in ("added", "changed", "removed"):
        output.line(*(f"  {kind:<8}  {path}" for path in _of_kind(plan, kind) if path not in merge.conflicts))
    unusual = {"conflict": merge.conflicts, "kept": merge.kept, "own": merge.own, "deleted": merge.deleted}
    for kind, paths in unusual.items():
        output.line(*(f"  {kind:<8}  {path}  ({EXPLAINED[kind]})" for path in paths))
    output.line(*(f"  moved     {old} -> {new}  (with your edits)" for old, new in merge.moved.items()), "")


def _of_kind(plan: Plan, kind: str) -> list[str]:
    return sorted(path for path, what in plan.merge.changes.items() if what == kind)


def _changed_answers(plan: Plan) -> list[tuple[str, Answer | None, Answer | None]]:
    names = list(dict.fromkeys([*plan.after, *plan.before]))
    rows = [(name, plan.before.get(name), plan.after.get(name)) for name in names]
    return [row for row in rows if row[1] != row[2]]


def _said(answer: Answer | None) -> str:
    return "" if answer is None else output.shown(answer)
