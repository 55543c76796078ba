"""Put a merge into a project, so that it is there whole or not at all, and can be taken back.

The new files are written beside git's own first, which is where a disk that is full is found out. Then files are only
moved, and a journal says which, so that whatever stops this can be undone by the next command. The old files stay there
until the update is over.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from forge_cli import git, paths, trust
from forge_cli.errors import ConflictError, ForgeError
from forge_cli.interrupts import uninterrupted
from forge_cli.merging import KINDS, Kind, Merge

COMMIT = re.compile(r"[0-9a-f]{40,64}")
MARKERS = (b"<<<<<<< ", b">>>>>>> ")


@dataclass(frozen=True)
class Update:
    """What was done to a project, and whether all of it."""

    complete: bool
    title: str
    head: str
    changes: dict[str, Kind]
    conflicts: list[str]
    folders: list[str]
    """The directories that were made."""


class Journal:
    """The journal of a project's last update, in its git directory."""

    def __init__(self, project: Path) -> None:
        """Find the journal of the project in this directory, which may be a part of a larger repository."""
        if not (project.is_dir() and git.surrounding_repository(project)):
            raise ForgeError(f"`{project}` is in no git repository, so nothing was updated there.")
        self.project = project
        self.prefix = git.line(project, "rev-parse", "--show-prefix")
        place = Path(git.line(project, "rev-parse", "--absolute-git-dir")) / "forge"
        self.folder = place / f"update-{quote(self.prefix, safe='')}"
        self.file = self.folder / "journal.json"
        self._draft = self.file.with_suffix(".new")
        self._lock = place / f"{self.folder.name}.lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other updates of the project out.

        Raises:
            ForgeError: If one is going on, or something in the repository leads out of it.
        """
        self._refuse_links()
        elsewhere = None if trust.is_trusted(self.project) else git.repository_elsewhere(self.project)
        if elsewhere:
            raise ForgeError(
                f"The repository of `{self.project}` is `{elsewhere}`, which does not know of it. If you want it so: "
                f"`forge trust {self.project}`."
            )
        self._lock.parent.mkdir(exist_ok=True)
        try:
            with FileLock(self._lock, timeout=0):
                yield
        except Timeout as error:
            raise ForgeError(f"Another update of `{self.project}` is going on. Wait for its end.") from error

    def read(self) -> Update | None:
        """The update that is not over; None if there is none.

        Raises:
            ForgeError: If the journal is not one that Forge has written.
        """
        self._refuse_links()
        try:
            return _update(json.loads(self.file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ForgeError(
                f"`{self.file}` is not a journal that Forge has written. Remove `{self.folder}`; `git status` shows "
                "what has changed in the project."
            ) from error

    def recover(self) -> str | None:
        """Undo an update that did not come to its end.

        Returns:
            What it was, if there was one.
        """
        update = self.read()
        if update and not update.complete:
            self._undo(update)
            return update.title
        if not update:  # nothing of the project had been touched yet
            self._forget()
        return None

    def apply(self, merge: Merge, title: str) -> None:
        """Make the project what the merge says.

        Args:
            merge: The result of a merge with this project, whose files have not changed since.
            title: What is being done, for messages.

        Raises:
            OSError: If the file system refuses. The project is as it was before.
        """
        self._refuse_strays(merge.changes)
        self._forget()
        made = [place for path, kind in merge.changes.items() if kind == "added" for place in self._missing(path)]
        head = git.checked(self.project, "rev-parse", "HEAD")
        update = Update(False, title, head, merge.changes, list(merge.conflicts), list(dict.fromkeys(made)))
        try:
            self._stage(merge)
            with uninterrupted():
                self._write(update)
                try:
                    self._move_in(update)
                    self._mark_conflicts(merge)
                    self._write(replace(update, complete=True))
                except (OSError, ForgeError):
                    self._undo(update)
                    raise
        except BaseException:
            if not self.file.exists():
                self._forget()
            raise

    def abort(self) -> Update:
        """Take the project back to what it was before the last update.

        Raises:
            ForgeError: If there is none to take back.
        """
        update = self._unfinished()
        with uninterrupted():
            self._undo(update)
        return update

    def finish(self) -> Update:
        """End an update whose conflicts are resolved.

        Raises:
            ConflictError: If there are markers left.
            ForgeError: If there is no update to end.
        """
        update = self._unfinished()
        if left := [path for path in update.changes if has_markers(self.project / path)]:
            raise ConflictError(
                f"There are conflict markers left in {listed(left)}. Resolve them, then --continue again."
            )
        self._stage_in_index(path for path in update.conflicts)
        self._forget()
        return update

    def forget_if_over(self) -> None:
        """Forget an update that the user has committed or taken back without Forge."""
        update = self.read()
        if update and (self._is_committed(update) or self._is_taken_back(update)):
            self._forget()

    def _is_committed(self, update: Update) -> bool:
        """Whether the project was, and not only what else the repository holds."""
        plain = ("--no-ext-diff", "--no-textconv", "--quiet")
        return git.run(self.project, "diff", *plain, update.head, "HEAD", "--", ".").returncode != 0

    def _is_taken_back(self, update: Update) -> bool:
        added = [path for path, kind in update.changes.items() if kind == "added"]
        return not changed_files(self.project) and not any(os.path.lexists(self.project / path) for path in added)

    def _unfinished(self) -> Update:
        update = self.read()
        if not update:
            raise ForgeError(f"`{self.project}` has no update to continue or abort.")
        if update.complete and self._is_committed(update):
            self._forget()
            raise ForgeError(
                f"The update of `{self.project}` is over: it was committed. `git revert` takes a commit back."
            )
        return update

    def _stage(self, merge: Merge) -> None:
        """Write every new file, with the rights that the file in its place has."""
        (self.folder / "old").mkdir(parents=True)
        for path, kind in merge.changes.items():
            if kind == "removed":
                continue
            new, place = self.folder / "new" / path, self.project / path
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(merge.result / path, new, follow_symlinks=False)
            if kind == "changed" and not new.is_symlink() and not place.is_symlink():
                executable = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
                mode, wanted = place.stat().st_mode, new.stat().st_mode
                if bool(mode & stat.S_IXUSR) != bool(wanted & stat.S_IXUSR):
                    mode = mode & ~executable | wanted & executable
                new.chmod(stat.S_IMODE(mode))

    def _move_in(self, update: Update) -> None:
        # What is removed goes first, as a directory may come in the place of a file.
        for path, kind in sorted(update.changes.items(), key=lambda change: change[1] != "removed"):
            place = self.project / path
            if kind != "added":
                _move(place, self.folder / "old" / path)
            if kind != "removed":
                _move(self.folder / "new" / path, place)
            else:
                self._prune(Path(path).parent)

    def _undo(self, update: Update) -> None:
        """Move back what was moved. It may be done again after it was stopped half-way."""
        self._refuse_strays(update.changes)
        for path, kind in update.changes.items():
            if kind == "added" and not paths.obstacle(self.project, path):
                (self.project / path).unlink(missing_ok=True)
        for folder in reversed(update.folders):
            self._prune(Path(folder), only=True)
        for path, kind in update.changes.items():
            old = self.folder / "old" / path
            if kind != "added" and os.path.lexists(old):
                _move(old, self.project / path)
        self._reset_in_index(update.changes)
        self._forget()

    def _refuse_links(self) -> None:
        """Refuse a repository in which something leads out of it. One from an archive may have been made so.

        Raises:
            ForgeError: If there is such a link.
        """
        place = self.folder
        own = [place.parent, self._lock, place, self.file, self._draft, place / "old", place / "new"]
        if links := [place for place in own if place.is_symlink()] or git.links_written_through(self.project):
            raise ForgeError(
                f"`{links[0]}` is a link, and Forge writes nothing through it. Put in its place what it leads to."
            )

    def _refuse_strays(self, changes: dict[str, Kind]) -> None:
        """Refuse to write or remove anything through a link, whoever has put it there.

        Raises:
            ForgeError: If a directory of the project or of the journal is a link or a file. What the update removes
                may be one: it is gone before anything is put in its place.
        """
        for root in (self.project, self.folder / "old", self.folder / "new"):
            for path in changes:
                stray = paths.obstacle(root, path)
                if stray and changes.get(stray) != "removed":
                    raise ForgeError(f"`{root / stray}` is not a directory of its own. Move it away, then try again.")

    def _prune(self, folder: Path, *, only: bool = False) -> None:
        """Remove a directory of the project, and those above it, as far as nothing is in them."""
        for place in [folder] if only else [folder, *folder.parents]:
            if not place.parts or not _is_empty(self.project / place):
                return
            (self.project / place).rmdir()

    def _missing(self, path: str) -> list[str]:
        """The directories that a file needs and the project has not, the outermost first."""
        above = [place for place in reversed(Path(path).parents) if place.parts]
        return [place.as_posix() for place in above if not (self.project / place).is_dir()]

    def _mark_conflicts(self, merge: Merge) -> None:
        """Let git know of the conflicts, with all sides, as after a merge of its own."""
        lines = []
        for path, stages in merge.conflicts.items():
            lines.append(f"0 {'0' * 40}\t{self.prefix}{path}")
            for number, (mode, content) in stages.items():
                blob = git.checked(self.project, "hash-object", "-w", "--no-filters", "--stdin", stdin=content)
                lines.append(f"{mode} {blob} {number}\t{self.prefix}{path}")
        if lines:
            git.on_files(self.project, "update-index", "-z", "--index-info", stdin="\0".join(lines))

    def _stage_in_index(self, paths: Iterator[str]) -> None:
        git.on_files(self.project, "update-index", "--add", "--remove", "-z", "--stdin", stdin="\0".join(paths))

    def _reset_in_index(self, changes: dict[str, Kind]) -> None:
        where = ("--pathspec-from-file=-", "--pathspec-file-nul")
        git.on_files(self.project, "--literal-pathspecs", "reset", "--quiet", *where, stdin="\0".join(changes))

    def _write(self, update: Update) -> None:
        self._draft.write_text(json.dumps(asdict(update)), encoding="utf-8")
        self._draft.replace(self.file)

    def _forget(self) -> None:
        self.file.unlink(missing_ok=True)  # first: what is left without it means nothing
        shutil.rmtree(self.folder, ignore_errors=True)


def changed_files(project: Path) -> list[str]:
    """The files of a project that git tracks and that differ from the last commit."""
    options = ("--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames")
    entries = git.on_files(project, "status", *options, "--", ".").split("\0")
    return [entry[3:] for entry in entries if entry]


def has_markers(file: Path) -> bool:
    """Whether a file holds a conflict's markers."""
    if file.is_symlink() or not file.is_file():
        return False
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return False
    return all(any(line.startswith(marker) for line in lines) for marker in MARKERS)


def listed(paths: list[str]) -> str:
    """Some paths as a part of a sentence."""
    return ", ".join(f"`{path}`" for path in paths)


def _move(source: Path, target: Path) -> None:
    """Move a file, from one file system to another if need be, so that the target is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f".{target.name}.forge")
        draft.unlink(missing_ok=True)  # a link of that name would lead elsewhere
        shutil.copy2(source, draft, follow_symlinks=False)
        draft.replace(target)
        source.unlink()


def _update(written: dict[str, Any]) -> Update:
    """What a journal says, if it says what can be: an archive of a project may have brought any.

    Raises:
        ValueError: If it says anything else.
    """
    update = Update(**written)
    listed = [*update.changes, *update.conflicts, *update.folders]
    texts = all(isinstance(text, str) for text in (update.title, update.head))
    kinds = all(kind in KINDS.values() for kind in update.changes.values())
    if not (texts and kinds and COMMIT.fullmatch(update.head) and all(map(paths.is_inside, listed))):
        raise ValueError("a name that cannot be")
    return update


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
