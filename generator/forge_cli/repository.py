"""A template's git repository: its releases, and what each holds. The build uses it too, so it imports little."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from forge_cli import git
from forge_cli.errors import ForgeError, UsageError

TEMPLATE = ("copier.yml", "template")
RECORD = "generator/releases.txt"
DESCRIBED = re.compile(r".+-\d+-g([0-9a-f]{4,40})")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Revision:
    """A version of the template: a release such as `v0.1.0`, or what follows one, named as `git describe` does."""

    name: str
    commit: str


class Repository:
    """A git repository of a template, bare or not, which is only read."""

    def __init__(self, path: Path) -> None:
        """Take a directory that git knows as a repository."""
        self.path = path

    def releases(self, at: str = "HEAD") -> dict[Version, Revision]:
        """The releases that are here, the oldest first: those with a tag, and those that the tree records.

        Args:
            at: The revision whose record is read. A clone may come without tags, and never without its files.
        """
        found: dict[Version, Revision] = {}
        recorded = (line.split() for line in (self._text(at, RECORD) or "").splitlines() if line.strip())
        tags = (line.split() for line in self._git("for-each-ref", f"--format={TAG}", "refs/tags").splitlines())
        for name, *objects in [*recorded, *tags]:  # an annotated tag is an object that names the commit
            version = _version(name)
            if version and objects and COMMIT.fullmatch(objects[-1]) and self._holds(objects[-1]):
                found[version] = Revision(name, objects[-1])
        return dict(sorted(found.items()))

    def newest(self) -> Revision:
        """The newest release that is not a pre-release or, in a repository without any, what HEAD is."""
        final = [revision for version, revision in self.releases().items() if not version.is_prerelease]
        return final[-1] if final else self.revision("HEAD")

    def revision(self, name: str) -> Revision:
        """Find a revision.

        Args:
            name: A release with or without its `v`, the name of what follows one, a branch, a tag or a commit.

        Raises:
            UsageError: If there is none of that name here.
        """
        releases = {release.name: release for release in self.releases().values()}
        if release := releases.get(name) or releases.get(f"v{name}"):
            return release
        described = DESCRIBED.fullmatch(name)
        commit = described[1] if described else name
        found = git.run(self.path, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        if found.returncode or not COMMIT.fullmatch(found.stdout.strip()):  # and not an option that git has understood
            known = f"The releases are: {', '.join(releases)}." if releases else "It has no releases."
            raise UsageError(f"`{name}` is not a version of the template. {known}")
        commit = found.stdout.strip()
        return Revision(self._described(commit), commit)

    def export(self, revision: Revision, folder: Path) -> None:
        """Write the template as plain files, `copier.yml` and `template/`, into an existing directory.

        Raises:
            ForgeError: If the revision is not a template that Forge can render.
        """
        index = {"GIT_INDEX_FILE": str(folder / ".index")}
        tree = ("--git-dir", self._git("rev-parse", "--absolute-git-dir"), "--work-tree", str(folder))
        plain = ("-c", "core.autocrlf=false", "-c", "core.bare=false", "-c", "core.fileMode=true")
        try:
            git.checked(folder, *tree, "read-tree", revision.commit, env=index)
            git.checked(folder, *tree, *plain, "checkout-index", "--force", "--", TEMPLATE[0], env=index)
            files = git.checked(folder, *tree, "ls-files", "-z", "--", TEMPLATE[1], env=index, strip=False)
            git.checked(folder, *tree, *plain, "checkout-index", "-z", "--stdin", env=index, stdin=files)
        except ForgeError as error:
            raise ForgeError(f"`{revision.name}` is not a template of Forge: it has no copier.yml.") from error
        finally:
            (folder / ".index").unlink(missing_ok=True)
        if (folder / TEMPLATE[0]).is_symlink() or not (folder / TEMPLATE[0]).is_file():
            raise ForgeError(f"`{revision.name}` is not a template of Forge: its copier.yml is not a file of its own.")

    def text(self, revision: Revision, file: str) -> str | None:
        """What a file holds in a revision; None if it has no such file."""
        return self._text(revision.commit, file)

    def same_template(self, one: Revision, other: Revision) -> bool:
        """Whether two revisions generate the same projects."""
        return self._template(one.commit) == self._template(other.commit)

    def is_newer(self, one: Revision, other: Revision) -> bool:
        """Whether the first revision has the second in its history."""
        ancestor = git.run(self.path, "merge-base", "--is-ancestor", other.commit, one.commit)
        return one.commit != other.commit and not ancestor.returncode

    def _described(self, commit: str) -> str:
        """What `git describe` would say if every release had its tag; the release while its template is the same."""
        for release in reversed(self.releases(commit).values()):
            if not git.run(self.path, "merge-base", "--is-ancestor", release.commit, commit).returncode:
                if self._template(release.commit) == self._template(commit):
                    return release.name
                count = self._git("rev-list", "--count", f"{release.commit}..{commit}")
                return f"{release.name}-{count}-g{self._git('rev-parse', '--short', commit)}"
        return commit

    def _template(self, commit: str) -> str:
        return git.run(self.path, "rev-parse", *(f"{commit}:{part}" for part in TEMPLATE)).stdout

    def _holds(self, commit: str) -> bool:
        return not git.run(self.path, "cat-file", "-e", f"{commit}^{{commit}}").returncode

    def _text(self, at: str, file: str) -> str | None:
        shown = git.run(self.path, "show", f"{at}:{file}")
        return None if shown.returncode else shown.stdout

    def _git(self, *arguments: str) -> str:
        return git.checked(self.path, *arguments)


TAG = "%(refname:strip=2) %(objectname) %(*objectname)"


def _version(name: str) -> Version | None:
    try:
        return Version(name) if name.startswith("v") else None
    except ValueError:  # it is not a version, or one of thousands of digits
        return None
