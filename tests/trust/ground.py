"""A machine with a user's own files on it, and every command of Forge run beside them."""

from __future__ import annotations

import contextlib
import io
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import copier

import forge_cli
from forge_cli.cli import main
from tests.updates.conftest import content

SECONDS = 60.0
NOBODY = "nobody"
Content = dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class Link:
    """A link, in place of a file's text."""

    target: str


Files = Mapping[str, "str | Link | None"]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    said: str


@dataclass
class Ground:
    """The directories around a project: everything but `work` belongs to somebody who has agreed to nothing."""

    root: Path
    user: str | None = None
    """Who runs Forge; None for the user that runs the tests."""
    home: Path = field(init=False)
    work: Path = field(init=False)
    mark: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home, self.work = self.root / "home", self.root / "work"
        for folder in ("home/.ssh", "sibling", "ran", "tmp", "work"):
            (self.root / folder).mkdir(parents=True)
        for path in ("home/.bashrc", "home/.ssh/id_ed25519", "sibling/notes.md", "sibling/journal.json"):
            (self.root / path).write_text(f"the user's own {path}\n")
        (self.home / "gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.com\n[safe]\n\tdirectory = *\n")
        (self.home / "copier.yml").write_text("{}\n")
        self.mark = self.root / "evil"
        """A program of the attacker's, which shows that it has run."""
        self.mark.write_text(f"#!/bin/sh\necho ran >>'{self.root}/ran/mark'\ncat 2>/dev/null\n")
        self.mark.chmod(0o755)
        self.give()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the user; nothing of the developer's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "COPIER_", "FORGE_"))}
        return kept | {
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.root / "state"),
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "COPIER_SETTINGS_PATH": str(self.home / "copier.yml"),
            "SECRET_OF_THE_USER": "hunter2-of-the-user",
            "TMPDIR": str(self.root / "tmp"),
        }

    def filled_in(self, text: str) -> str:
        """A text with the places that an attacker would know, and with a program that leaves a mark."""
        places = {"@HOME@": self.home, "@SIBLING@": self.root / "sibling", "@ROOT@": self.root, "@RUN@": self.mark}
        for name, place in places.items():
            text = text.replace(name, str(place))
        return text

    def write(self, folder: Path, files: Files) -> None:
        """Write files and links, and remove those that are None."""
        for path, text in files.items():
            place = folder / self.filled_in(path)
            if place.is_symlink() or place.is_file():
                place.unlink()
            elif place.is_dir():
                shutil.rmtree(place)
            if text is None:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, Link):
                place.symlink_to(self.filled_in(text.target))
            else:
                place.write_text(self.filled_in(text), encoding="utf-8", errors="surrogateescape")

    def git(self, folder: Path, *args: str) -> str:
        """Run git as the attacker."""
        done = subprocess.run(
            ["git", *args], cwd=folder, check=True, capture_output=True, text=True, env=self.variables
        )
        return done.stdout.strip()

    def release(self, folder: Path, name: str, files: Files) -> None:
        """Commit and tag a version of a template, with these files and no others."""
        if not folder.exists():
            folder.mkdir(parents=True)
            self.git(folder, "init", "--quiet")
        for place in folder.iterdir():
            if place.name != ".git":
                shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
        self.write(folder, files)
        self.git(folder, "add", "--all", "--force")
        self.git(folder, "commit", "--quiet", "--allow-empty", "--message", name)
        self.git(folder, "tag", name)

    def outside(self) -> Content:
        """Everything that is not the project's, nor a cache or a temporary file that is gone in the end."""
        found: Content = {entry.name: (0, b"") for entry in self.root.iterdir()}
        for path in (self.root / "another" / ".git").rglob("*"):
            found[str(path.relative_to(self.root))] = (
                path.lstat().st_mode,
                path.read_bytes() if path.is_file() else b"",
            )
        for name in ("home", "sibling", "ran", "tmp"):
            found |= {f"{name}/{path}": value for path, value in content(self.root / name).items()}
        return {path: value for path, value in found.items() if not path.startswith("home/.cache")}

    def give(self, *places: Path) -> None:
        """Let directories belong to the user who runs Forge."""
        if not self.user:
            return
        identity = pwd.getpwnam(self.user)
        for folder in places or (self.root,):
            for place in [folder, *folder.rglob("*")]:
                os.chown(place, identity.pw_uid, identity.pw_gid, follow_symlinks=False)

    def run(self, *args: str | Path, folder: Path | None = None, **variables: str) -> Ran:
        """Run `forge` with nobody at the terminal: in this process, or in one of the user."""
        environment, arguments = self.variables | variables, list(map(str, args))
        if not self.user:
            return _run_here(arguments, folder or self.work, environment)
        done = subprocess.run(
            [str(interpreter_of_nobody()), "-P", "-m", "forge_cli", *arguments],
            cwd=folder or self.work,
            env=environment | {"PYTHONPATH": os.pathsep.join(map(str, _importable()))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid,
            extra_groups=[],
        )
        return Ran(done.returncode, done.stdout + done.stderr)


def _run_here(arguments: list[str], folder: Path, environment: dict[str, str]) -> Ran:
    """Run `forge` where Copier needs to be imported only once."""
    said, before, place = io.StringIO(), dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(arguments)
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)
    return Ran(code, said.getvalue())


def is_orderly(ran: Ran) -> bool:
    """Whether a command has ended as every command does: by a code of its own, and never by an error of Python's."""
    return ran.code in range(5) and "Traceback" not in ran.said and "a defect of Forge" not in ran.said


@cache
def interpreter_of_nobody() -> Path | None:
    """A Python with which an unprivileged user can run Forge, if the tests may become one."""
    if os.geteuid() != 0:
        return None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = [place, "-c", "import forge_cli.rendering"]
        path = os.pathsep.join(map(str, _importable()))
        with contextlib.suppress(OSError):
            tried = subprocess.run(
                command, user=NOBODY, check=False, capture_output=True, cwd="/", env={"PYTHONPATH": path}
            )
            if tried.returncode == 0:
                return Path(place)
    return None


def _importable() -> list[Path]:
    """Where Forge and its libraries are."""
    return [Path(forge_cli.__file__).parents[1], Path(copier.__file__).parents[1]]
