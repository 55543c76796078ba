"""The template that a project is made from: the installed one, or another version, or another template."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from forge_cli import addresses, provenance, questions
from forge_cli.errors import ForgeError
from forge_cli.repository import Repository

NEEDED = {"project_name", "slug"}
UNKNOWN = (
    "This Forge was installed without its history, so the project cannot be updated until its `.copier-answers.yml` "
    "has a `_commit` and a `_src_path`."
)
CHANGED = "The template has changes that are in no commit. They are in the project, which records {}."


@dataclass(frozen=True)
class Template:
    """What a project records of its template, both or neither, and what the user should know of it."""

    address: str | None
    revision: str | None
    notes: list[str] = field(default_factory=list)
    installed: bool = False
    """Whether it is the one that Forge was installed with, and nobody else's."""


@contextmanager
def chosen(place: str | None, version: str | None) -> Iterator[Template]:
    """Use a template for as long as this lasts.

    Args:
        place: A path or URL of a template; None for the installed one.
        version: A release, a branch or a commit of it; None for its newest release, or for what is installed.

    Yields:
        The template, whose questions are the ones that `questions` reads.

    Raises:
        UsageError: If there is no such version.
        ForgeError: If git cannot read it, or it is not a Forge template.
    """
    if not place and not version:
        yield _installed()
    elif place:
        with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as folder:
            repository = provenance.clone(place, Path(folder))
            with _exported(repository, addresses.to_record(place), version) as template:
                yield template
    else:
        with provenance.releases_carried() as carried:
            if carried is None:
                raise ForgeError("This Forge carries no releases. Name where they are with --template.")
            with _exported(carried, provenance.installed().address, version) as template:
                yield replace(template, installed=True)


@contextmanager
def _exported(repository: Repository, address: str | None, version: str | None) -> Iterator[Template]:
    revision = repository.revision(version) if version else repository.newest()
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as folder:
        repository.export(revision, Path(folder))
        with questions.read_from(Path(folder)):
            _check(address or revision.name)
            yield Template(address, revision.name)


def _check(name: str) -> None:
    try:
        known = questions.questions().keys()
    except ForgeError as error:
        raise ForgeError(f"`{name}` is not a template of Forge: its copier.yml cannot be read.") from error
    if missing := NEEDED - known:
        raise ForgeError(f"`{name}` is not a template of Forge: it has no question `{min(missing)}`.")


def _installed() -> Template:
    found = provenance.installed()
    if not found.revision or not found.address:
        return Template(None, None, [UNKNOWN], installed=True)
    notes = [CHANGED.format(found.revision.name)] if found.changed else []
    return Template(found.address, found.revision.name, notes, installed=True)
