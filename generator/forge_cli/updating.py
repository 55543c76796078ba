"""Update a project to another version of the template, or to other answers: find out what would happen, then do it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from forge_cli import answers, answers_file, changelog, git, interrupts, merging, ownership, paths, questions
from forge_cli.answers_file import Recorded
from forge_cli.applying import Journal, changed_files, listed
from forge_cli.changelog import Entry
from forge_cli.errors import ForgeError, UsageError
from forge_cli.merging import Merge
from forge_cli.questions import Answers
from forge_cli.repository import Repository, Revision
from forge_cli.sources import Source, Sources

EXAMPLE = ".env.example"
VARIABLE = re.compile(r"^(?:# ?)?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """What an update would do to a project."""

    project: Path
    address: str
    old: Revision
    new: Revision
    before: Answers
    after: Answers
    entries: list[Entry]
    merge: Merge
    settings: tuple[list[str], list[str]]
    """The variables that `.env.example` names after it and not before, and the other way round."""
    undone: str | None
    """An update that had been interrupted and was undone before this one was looked at."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.merge.changes)


@contextmanager
def planned(
    project: Path, sources: Sources, *, to: str | None, template: str | None, given: list[str], same: bool
) -> Iterator[Plan]:
    """Find out what an update would do, and change nothing but what an interrupted one has left half done.

    Args:
        project: The root of the project.
        sources: Where templates are read.
        to: The version to update to; None for the newest one.
        template: Where the template is; None for where the project says.
        given: Answers to change, such as `broker=rabbitmq`.
        same: Whether the project keeps its version, and only its answers change.

    Yields:
        The plan, which can be carried out as long as this lasts.

    Raises:
        ForgeError: If the project cannot be updated, with what is in the way.
    """
    undone = recovered(project)
    recorded = answers_file.read(project)
    _refuse_unsafe(project)
    source = sources.find(recorded, template)
    old = source.of(recorded)
    new = old if same else _target(source, old, to)
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with interrupts.postponed():
            before, owned_before = render(source.repository, old, recorded, [], folder / "old")
            after, owned_after = render(source.repository, new, recorded, given, folder / "new")
        answers_file.stamp(folder / "new", source.address, new.name)
        # So that the new one is taken as it is.
        shutil.copy2(project / answers_file.NAME, folder / "old" / answers_file.NAME, follow_symlinks=False)
        (folder / "merge").mkdir()
        merged = merging.merge(
            project,
            folder / "old",
            folder / "new",
            folder / "merge",
            owned=owned_before | owned_after,
            label=new.name,
            renames=not same,
            style=git.run(project, "config", "merge.conflictStyle").stdout.strip() or "merge",
        )
        renamed = source.repository.same_template(old, new) and (before, recorded.address) == (after, source.address)
        if renamed and set(merged.changes) == {answers_file.NAME}:
            merged = replace(merged, changes={})  # the same template under another version's name
        yield Plan(
            project=project,
            address=source.address,
            old=old,
            new=new,
            before=before,
            after=after,
            entries=changelog.between(source.repository, old, new),
            merge=_without_untracked(project, merged),
            settings=_settings(project / EXAMPLE, merged.result / EXAMPLE),
            undone=undone,
        )


def carry_out(plan: Plan, title: str) -> None:
    """Do what was planned, all of it or nothing.

    Args:
        plan: The plan.
        title: What is done, for messages.

    Raises:
        ForgeError: If the project has changed since, another update goes on, or the file system refuses.
    """
    journal = Journal(plan.project)
    with journal.locked():
        _refuse_changes(plan.project)
        try:
            journal.apply(plan.merge, title)
        except OSError as error:
            raise ForgeError(f"`{plan.project}` is as it was: {error.strerror or error}.") from error


def render(
    repository: Repository, revision: Revision, recorded: Recorded, given: list[str], folder: Path
) -> tuple[Answers, set[str]]:
    """Render a version of the template with a project's answers.

    Args:
        repository: Where the template is.
        revision: Its version.
        recorded: The answers of the project, of which those count that are still asked for.
        given: Answers in place of these, such as `broker=rabbitmq`.
        folder: The directory to make.

    Returns:
        Every answer, and the paths that the project owns.
    """
    from forge_cli import rendering  # takes longer to import than most commands run

    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as root:
        repository.export(revision, Path(root))
        with questions.read_from(Path(root)):
            wanted = answers.carried_over(recorded.answers, answers.collect({}, given))
            answers.check(wanted, final=True)
            complete = rendering.render(folder, wanted, defaults=True)
            return complete, ownership.owned(complete)


def recovered(project: Path) -> str | None:
    """Undo what was interrupted, which may have taken anything away for the moment, the answers file too.

    Returns:
        What was undone.

    Raises:
        ForgeError: If an update of the project goes on.
    """
    if not (project.is_dir() and git.is_installed() and git.opens_repository(project)):
        return None
    journal = Journal(project)
    if not journal.folder.exists():
        return None
    with journal.locked():
        undone = journal.recover()
        journal.forget_if_over()
        return undone


def _refuse_unsafe(project: Path) -> None:
    """Refuse a project that could not be restored to what it is now."""
    if not git.is_installed():
        raise ForgeError("git is not installed, and it is what merges an update. Install git.")
    if not git.surrounding_repository(project):
        raise ForgeError(f"`{project}` is in no git repository. Make one: `git init`, `git add .`, `git commit`.")
    if going := Journal(project).read():
        raise ForgeError(
            f"`{project}` has an update that is not over ({going.title}). Look at it and commit it, or take it back "
            "with `forge update --abort`."
        )
    if git.run(project, "rev-parse", "--verify", "--quiet", f"HEAD:./{answers_file.NAME}").returncode:
        raise ForgeError(f"`{project}` is not committed. Commit it first: `git add .`, `git commit`.")
    _refuse_changes(project)


def _refuse_changes(project: Path) -> None:
    if changed := changed_files(project):
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise ForgeError(
            f"`{project}` has changes that are not committed: {listed(changed[:3])}{more}. Commit them, or `git stash`."
        )


def _target(source: Source, old: Revision, to: str | None) -> Revision:
    if not to:
        return source.newest(old)
    new = source.repository.revision(to)
    if source.repository.is_newer(old, new):
        raise UsageError(f"The project has version {old.name}, which is newer than {new.name}. Updates go forward.")
    return new


def _settings(before: Path, after: Path) -> tuple[list[str], list[str]]:
    """The variables that come and those that go, in the order of the file."""
    old, new = (
        dict.fromkeys(VARIABLE.findall(file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""))
        for file in (before, after)
    )
    return [name for name in new if name not in old], [name for name in old if name not in new]


def _without_untracked(project: Path, merged: Merge) -> Merge:
    """Leave out what would be written over files that git does not know, such as a `.env`, or through a link."""
    known = set(merging.tracked(project))

    def is_in_the_way(path: str) -> bool:
        obstacle = paths.obstacle(project, path)  # which the update itself may take away
        return os.path.lexists(project / path) or bool(obstacle and merged.changes.get(obstacle) != "removed")

    own = [path for path in merged.changes if path not in known and is_in_the_way(path)]
    if not own:
        return merged
    changes = {path: kind for path, kind in merged.changes.items() if path not in own}
    return replace(merged, changes=changes, own=[*merged.own, *own])
