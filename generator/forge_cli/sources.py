"""Where the template of an existing project is read."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge_cli import addresses, provenance
from forge_cli.answers_file import Recorded
from forge_cli.errors import ForgeError, UsageError
from forge_cli.repository import Repository, Revision


@dataclass(frozen=True)
class Source:
    """A template's repository, and what a project records as its address."""

    repository: Repository
    address: str
    carried: bool
    """Whether it is what this installation carries, which is read without a network."""

    def of(self, project: Recorded) -> Revision:
        """The version that a project was made from.

        Raises:
            ForgeError: If it is not known here.
        """
        if not project.version:
            raise ForgeError(
                "The project does not record the version of the template that it was made from. Write it into "
                "`.copier-answers.yml`, as in `_commit: v0.1.0`."
            )
        try:
            return self.repository.revision(project.version)
        except UsageError as error:
            where = f"this Forge goes up to {self.head.name}" if self.carried else f"`{self.address}` lacks it"
            remedy = "Install a newer Forge, or say" if self.carried else "Say"
            raise ForgeError(
                f"The project was made from version {project.version} of the template, and {where}. {remedy} where "
                "it is, with --template."
            ) from error

    def newest(self, old: Revision) -> Revision:
        """The version that a project is brought to: the newest release, or HEAD for one that is ahead of every release.

        Args:
            old: The version of the project.
        """
        release = self.repository.newest()
        if not self.repository.is_newer(old, release):
            return release
        return old if self.repository.is_newer(old, self.head) else self.head

    @property
    def head(self) -> Revision:
        """The version that is there, released or not."""
        return self.repository.revision("HEAD")


class Sources:
    """The repositories that were read so far, so that several projects share one copy."""

    def __init__(self, stack: ExitStack) -> None:
        """Keep copies for as long as the stack lasts."""
        self._stack = stack
        self._cloned: dict[str, Repository] = {}
        self._carried: Repository | None = None
        self._own: provenance.Provenance | None = None

    def find(self, project: Recorded, given: str | None) -> Source:
        """Find the template of a project: where it is said to be, in what Forge carries, or where it was made from.

        Args:
            project: What the project records.
            given: Where the template is, whatever the project records; None for `FORGE_TEMPLATE`, if that is set.

        Raises:
            ForgeError: If it cannot be read.
        """
        if given := given or os.environ.get("FORGE_TEMPLATE"):
            repository = self._clone(given)
            return Source(repository, _recorded(given, project.address), carried=False)
        if project.address:
            addresses.check(project.address)
        carried = self._carries()
        own = self._own
        if carried and own and own.revision and (not project.address or self._is_ours(project.address, own.address)):
            return Source(carried, project.address or own.address or "", carried=True)
        if not project.address:
            raise ForgeError("The project does not record where its template is. Say it with --template.")
        repository = self._clone(project.address)
        return Source(repository, project.address, carried=False)

    def _is_ours(self, recorded: str, own: str | None) -> bool:
        """Whether an address is this installation's own, or a directory that was on some other machine."""
        gone = not addresses.REMOTE.match(recorded) and not Path(recorded).expanduser().exists()
        return gone or (own is not None and _place(recorded) == _place(own))

    def _carries(self) -> Repository | None:
        if self._own is None:
            self._own = provenance.installed()
            self._carried = self._stack.enter_context(provenance.releases_carried())
        return self._carried

    def _clone(self, address: str) -> Repository:
        if address not in self._cloned:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True))
            self._cloned[address] = provenance.clone(address, Path(folder))
        return self._cloned[address]


@contextmanager
def reading() -> Iterator[Sources]:
    """Read templates for as long as this lasts."""
    with ExitStack() as stack:
        yield Sources(stack)


def _recorded(given: str, before: str | None) -> str:
    """What a project records after an update: not a directory of this machine in place of what others can use."""
    address = addresses.to_record(given)
    shared = before is not None and addresses.REMOTE.match(before)
    return before if before and shared and not addresses.REMOTE.match(address) else address


def _place(address: str) -> str:
    """An address without what differs between the ways to reach it: `git@host:path` is `https://host/path.git`."""
    plain = addresses.to_clone(address).removesuffix(".git")
    host = re.match(r"(?:\w[\w+.-]*://)?(?:[^@/]*@)?([^/:]+)(?::\d+)?[:/]+(.*)", plain)
    return f"{host[1]}/{host[2]}" if host and addresses.REMOTE.match(plain) else plain
