"""The three-way merge of an update: what the template was, what it is now, and what the project made of it.

Git merges, in a repository of its own that is thrown away; the project's repository is only read.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from forge_cli import git
from forge_cli.destinations import files

Kind = Literal["added", "changed", "removed"]
KINDS: dict[str, Kind] = {"A": "added", "M": "changed", "T": "changed", "D": "removed"}
Stages = dict[int, tuple[str, str]]  # 1 is the old template's file, 2 the project's, 3 the new one's: mode and content

ALIKE = 0.5  # how much two files must have in common for one to have been made from the other, as for git's renames
SETTINGS = {
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "merge.directoryRenames": "false",  # a file that the user has added stays where it is
    "merge.renames": "true",
}
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "forge" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
# Contents are merged as they are: no keyword or filter of the project's `.gitattributes` is applied, and no line ending
# but those that git itself has made, which must not look like changes.
ATTRIBUTES = "* -text !eol !ident !filter !working-tree-encoding !merge\n"
CONVERTED = re.compile(r"i/lf +w/(?:crlf|mixed) ")


@dataclass(frozen=True)
class Merge:
    """What a project becomes. Every path is relative to the project's root."""

    result: Path
    """The project's tracked files after the merge, conflicts with their markers."""
    changes: dict[str, Kind]
    """What differs from the project as it is, conflicts included."""
    conflicts: dict[str, Stages]
    """Where project and template changed the same lines."""
    kept: list[str] = field(default_factory=list)
    """Files that the template has no more, which stay because they were edited."""
    own: list[str] = field(default_factory=list)
    """Files that the template brings and the project has already, which stay as they are."""
    moved: dict[str, str] = field(default_factory=dict)
    """Files that the template renamed, and where the edits of them are now."""
    deleted: list[str] = field(default_factory=list)
    """Files that the template has changed and the project has deleted, which stay deleted."""


def merge(
    project: Path,
    old: Path,
    new: Path,
    folder: Path,
    *,
    owned: Collection[str],
    label: str,
    renames: bool,
    style: str = "merge",
) -> Merge:
    """Merge what the template has changed into a project's files, and leave the project alone.

    Args:
        project: The root of the project, whose tracked files have no changes that are not committed.
        old: The template as the project got it, rendered.
        new: The template as the project is to get it, rendered.
        folder: An empty directory to work in.
        owned: The paths that belong to the user once they are there.
        label: What the template's side of a conflict is called.
        renames: Whether an edit of a renamed file is to follow it.
        style: How git writes conflicts, as its `merge.conflictStyle` has it.
    """
    ours = tracked(project)
    before, after = set(files(old)), set(files(new))
    scratch = _Scratch(folder, _with_windows_ends(project) & (before | after))
    for path in owned:
        if path in before and path in after:
            before.remove(path)
            after.remove(path)
    base = scratch.commit(old, before)
    mine = scratch.commit(project, ours, base)
    theirs = scratch.commit(new, after, base)
    scratch.git("branch", label, theirs)
    scratch.git("checkout", "--quiet", "--detach", mine)
    rename = "find-renames=60%" if renames else "no-renames"
    scratch.merge("-c", f"merge.conflictStyle={style}", "merge", "--no-commit", "--no-ff", "-X", rename, label)

    conflicts, kept, own, deleted = scratch.unmerged(), [], [], []
    for path, stages in list(conflicts.items()):
        match sorted(stages):
            case [1, 2]:
                kept.append(path)
            case [1, 3]:
                deleted.append(path)
                (scratch.tree / path).unlink(missing_ok=True)
            case [2, 3] if path in owned or _alike(project / path, new / path):
                own.append(path)
                scratch.git("checkout", "--quiet", mine, "--", path)
            case _:
                continue
        del conflicts[path]
    return Merge(
        result=scratch.tree,
        changes=scratch.changes(mine),
        conflicts={path: scratch.contents(stages) for path, stages in conflicts.items()},
        kept=kept,
        own=own,
        moved=scratch.moved(base, mine, theirs) if renames else {},
        deleted=deleted,
    )


def tracked(project: Path) -> list[str]:
    """The files of a project that git tracks; not the repositories in it."""
    listed = git.checked(project, "ls-files", "--stage", "-z", strip=False)
    entries = (entry.split("\t", 1) for entry in listed.split("\0") if entry)
    return [path for about, path in entries if not about.startswith("160000")]


def _with_windows_ends(project: Path) -> set[str]:
    """The files in which git ends lines as Windows does, because `core.autocrlf` or `eol=crlf` says so."""
    listed = git.checked(project, "ls-files", "--eol", "-z", strip=False)
    entries = (entry.split("\t", 1) for entry in listed.split("\0") if entry)
    return {path for about, path in entries if CONVERTED.match(about)}


def _alike(one: Path, other: Path) -> bool:
    """Whether a file of the project looks as if it had been made from the template's."""
    try:
        lines = [path.read_text(encoding="utf-8").splitlines() for path in (one, other)]
    except (OSError, UnicodeDecodeError):
        return False
    return difflib.SequenceMatcher(None, lines[0], lines[1], autojunk=False).ratio() >= ALIKE


class _Scratch:
    """A repository to merge in."""

    def __init__(self, folder: Path, windows: Collection[str]) -> None:
        self.tree = folder / "result"
        self.folder = folder
        self.tree.mkdir()
        self.git("init", "--quiet", ".")
        for name, value in SETTINGS.items():
            self.git("config", name, value)
        info = self.tree / ".git" / "info"
        info.mkdir(exist_ok=True)
        lines = [ATTRIBUTES, *(f'"/{path}" text eol=crlf\n' for path in windows)]
        (info / "attributes").write_text("".join(lines), encoding="utf-8")

    def git(self, *arguments: str, index: str = "", work: Path | None = None, stdin: str = "") -> str:
        """What git prints; with an index and a directory of files other than its own, if need be."""
        env = ENVIRONMENT | ({"GIT_INDEX_FILE": str(self.folder / index)} if index else {})
        place = ("--git-dir", str(self.tree / ".git"), "--work-tree", str(work)) if work else ()
        return git.checked(work or self.tree, *place, *arguments, env=env, stdin=stdin, strip=False)

    def commit(self, work: Path, paths: Iterable[str], *parents: str) -> str:
        """Commit files of a directory."""
        index = f"index-{len(list(self.folder.iterdir()))}"
        self.git("update-index", "--add", "--remove", "-z", "--stdin", index=index, work=work, stdin="\0".join(paths))
        tree = self.git("write-tree", index=index).strip()
        given = [argument for parent in parents for argument in ("-p", parent)]
        return self.git("commit-tree", tree, *given, "-m", "forge").strip()

    def merge(self, *arguments: str) -> None:
        """Merge, which fails with 1 when there are conflicts."""
        result = git.run(self.tree, *arguments, env=ENVIRONMENT)
        if result.returncode > 1:
            raise git.failed(result)

    def unmerged(self) -> dict[str, Stages]:
        """The paths that git could not merge by itself."""
        found: dict[str, Stages] = {}
        for entry in self.git("ls-files", "--unmerged", "-z").split("\0")[:-1]:
            about, path = entry.split("\t", 1)
            mode, blob, stage = about.split()
            found.setdefault(path, {})[int(stage)] = (mode, blob)
        return found

    def contents(self, stages: Stages) -> Stages:
        """The stages of a path with what they hold in place of its hash."""
        return {stage: (mode, self.git("cat-file", "blob", blob)) for stage, (mode, blob) in stages.items()}

    def changes(self, since: str) -> dict[str, Kind]:
        """What the files are now, beside a commit."""
        self.git("read-tree", since, index="index-after")
        self.git("add", "--all", "--force", ".", index="index-after", work=self.tree)
        listed = self.git("diff", "--cached", "--no-renames", "--name-status", "-z", since, index="index-after")
        entries = listed.split("\0")[:-1]
        return {path: KINDS[kind] for kind, path in zip(entries[::2], entries[1::2], strict=True)}

    def moved(self, base: str, mine: str, theirs: str) -> dict[str, str]:
        """The files that the template renamed and the user edited, where the edits went along."""
        listed = self.git("diff", "--find-renames=60%", "--diff-filter=R", "--name-status", "-z", base, theirs)
        entries = listed.split("\0")[:-1]
        edited = set(self.git("diff", "--no-renames", "--name-only", "-z", base, mine).split("\0"))
        pairs = zip(entries[1::3], entries[2::3], strict=True)
        return {before: after for before, after in pairs if before in edited and not (self.tree / before).exists()}
