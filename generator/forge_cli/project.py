"""Create a project: answers in, a directory with a first commit out."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from forge_cli import __version__, answers_file, destinations, git, interrupts, paths, questions, terminal, trust
from forge_cli.answers import check
from forge_cli.errors import ForgeError, UsageError
from forge_cli.questions import Answers
from forge_cli.templates import Template


@dataclass(frozen=True)
class Project:
    """What was made or, in a dry run, what would be."""

    destination: Path
    answers: Answers
    slug: str
    files: list[str]
    kept: list[str]
    template: Template
    commit: str | None
    notes: list[str]
    dry_run: bool


def create(
    place: Path | None,
    answers: Answers,
    template: Template,
    *,
    defaults: bool,
    dry_run: bool,
    force: bool,
    commit: bool,
) -> Project:
    """Create a project, or find out what would be created.

    Args:
        place: The directory to make or to fill; None for one here, named after the project.
        answers: The given answers.
        template: What they answer, which the project records.
        defaults: Whether the defaults answer the rest; otherwise Copier asks.
        dry_run: Whether to leave the destination alone.
        force: Whether the destination may hold files. They are kept.
        commit: Whether to make a git repository with a first commit.

    Returns:
        The project.

    Raises:
        UsageError: If an answer is missing or refused.
        ForgeError: If the destination, the template, git or the file system is in the way.
    """
    name = Path(os.path.abspath(place)).name if place else ""  # noqa: PTH100 - `resolve` would follow a link
    if defaults:
        answers = _with_name(answers, name)
    elif not terminal.can_ask() and not questions.is_answered(answers):
        raise UsageError("There is no terminal to ask in. Pass --defaults to take the default answers.")
    check(answers, final=defaults)
    if not place and "project_name" in answers:
        place = _named_after(answers)
    occupied = place is not None and destinations.check(place, force=force)

    with interrupts.postponed():
        from forge_cli.rendering import render  # here, because this takes longer than all the above

    try:
        with destinations.staging(None if dry_run else place or Path.cwd()) as folder:
            rendered = folder / "project"
            answers = render(rendered, answers, defaults=defaults, suggested_name=_valid(name))
            answers_file.stamp(rendered, template.address, template.revision)
            if not place:
                place = _named_after(answers)
                occupied = destinations.check(place, force=force)
            files = destinations.files(rendered)
            sha, notes = _commit(rendered, answers, occupied=occupied) if commit and not dry_run else (None, [])
            plan = destinations.plan(rendered, place, force=force)
            if not dry_run:
                destinations.carry_out(plan, place)
                if template.installed and not occupied:
                    _trust(place)
    except OSError as error:
        raise ForgeError(f"`{place or 'The project'}` cannot be made: {error.strerror or error}.") from error
    return Project(
        destination=place,
        answers=answers,
        slug=questions.slug(answers),
        files=[file for file in files if file not in plan.kept],
        kept=plan.kept,
        template=template,
        commit=sha,
        notes=notes + template.notes,
        dry_run=dry_run,
    )


def _trust(project: Path) -> None:
    """Let Forge run what it has just made itself; where that cannot be remembered, the user says so when it matters."""
    with contextlib.suppress(OSError, RuntimeError):
        trust.add(project)


def _named_after(answers: Answers) -> Path:
    """The directory that a project has when nobody names one: here, whatever the template computes."""
    slug = questions.slug(answers)
    if not paths.is_plain_name(slug):
        raise ForgeError(f"The template names the directory `{slug}`, which is not a plain name. Pass DEST.")
    return Path(slug)


def _with_name(answers: Answers, directory: str) -> Answers:
    """The answers with the directory's name for the project, if it has no other."""
    if "project_name" in answers:
        return answers
    if not directory:
        raise UsageError("The project needs a name. Pass DEST or --project-name.")
    named: Answers = {"project_name": directory, **answers}
    try:
        check(named, final=False)
    except UsageError as error:
        if _valid(directory):
            raise
        raise UsageError(f"{error} The name of the directory will not do: pass --project-name.") from error
    return named


def _valid(name: str) -> str | None:
    """The name, if it is one that a project can have."""
    try:
        check({"project_name": name}, final=False)
    except UsageError:
        return None
    return name


def _commit(project: Path, answers: Answers, *, occupied: bool) -> tuple[str | None, list[str]]:
    """Commit the project, if git can and should; the hash, and what the user should know."""
    if occupied:
        return None, ["The directory held files before, so git was not touched."]
    if not git.is_installed():
        return None, ["git is not installed, so there is no repository."]
    with interrupts.postponed():
        outer = git.surrounding_repository(project) if git.opens_repository(project) else None
        sha = git.make_first_commit(
            project,
            message=f"Start from Forge {__version__}",
            author_name=str(answers.get("author_name", answers["project_name"])),
            author_email=str(answers.get("author_email", "")),
        )
    return sha, [f"It has a repository of its own, inside `{outer}`."] if outer else []
