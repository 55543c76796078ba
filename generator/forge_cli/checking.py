"""Is a project current, and is anything left over from an update?"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from forge_cli import answers_file, git, questions, updating
from forge_cli.applying import Journal, has_markers
from forge_cli.changelog import Entry, between
from forge_cli.destinations import files
from forge_cli.questions import Answer, Answers
from forge_cli.repository import Repository, Revision
from forge_cli.sources import Sources

CURRENT, CONFLICTS, BEHIND = 0, 3, 4


@dataclass(frozen=True)
class Check:
    """How a project stands to its template."""

    project: Path
    address: str
    version: Revision
    newest: Revision
    behind: bool
    entries: list[Entry]
    """What an update would bring."""
    differs: dict[str, tuple[Answer, Answer]]
    """The answers that are not the newest version's defaults, and these."""
    markers: list[str]
    rejects: list[str]
    deleted: list[str]
    """Files of the template that are no longer in the project."""
    unfinished: str | None
    undone: str | None

    @property
    def exit_code(self) -> int:
        """What `forge check` ends with."""
        return CONFLICTS if self.markers or self.rejects else BEHIND if self.behind else CURRENT


def check(project: Path, sources: Sources, *, template: str | None) -> Check:
    """Look at a project.

    Args:
        project: The root of the project.
        sources: Where templates are read.
        template: Where the template is; None for where the project says.

    Raises:
        ForgeError: If it is not a project, or its template cannot be read.
    """
    undone = updating.recovered(project)
    recorded = answers_file.read(project)
    source = sources.find(recorded, template)
    version = source.of(recorded)
    repository, newest = source.repository, source.newest(version)
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as name:
        answers, owned = updating.render(repository, version, recorded, [], Path(name) / "project")
        rendered = [path for path in files(Path(name) / "project") if path not in owned]
    behind = not repository.same_template(version, newest)
    going = Journal(project).read() if git.opens_repository(project) else None
    return Check(
        project=project,
        address=source.address,
        version=version,
        newest=newest,
        behind=behind,
        entries=between(repository, version, newest) if behind else [],
        differs=_differences(repository, newest, answers),
        markers=_with_markers(project),
        rejects=_listed(project, "ls-files", "-z", "--cached", "--others", "--", "*.rej"),
        deleted=[path for path in rendered if not os.path.lexists(project / path)],
        unfinished=going.title if going else None,
        undone=undone,
    )


def _differences(repository: Repository, newest: Revision, answers: Answers) -> dict[str, tuple[Answer, Answer]]:
    """The answers that would be others by default, beside the rest of the answers."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as root:
        repository.export(newest, Path(root))
        with questions.read_from(Path(root)):
            for question in questions.asked():
                others = {name: answer for name, answer in answers.items() if name != question.name}
                default = questions.complete(others).get(question.name)
                if default is not None and question.name in answers and answers[question.name] != default:
                    found[question.name] = (answers[question.name], default)
    return found


def _with_markers(project: Path) -> list[str]:
    begun = _listed(project, "grep", "-l", "-z", "-I", "--untracked", "-e", "^<<<<<<< ", "--", ".")
    return [path for path in begun if has_markers(project / path)]


def _listed(project: Path, *command: str) -> list[str]:
    return sorted(set(git.run(project, *command).stdout.split("\0")) - {""})
