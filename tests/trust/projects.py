"""Projects, as archives and clones bring them, that try to run something or to write outside themselves."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.trust.ground import Files, Ground, Link

# What of git's configuration names a program, and an address or a file that git would use.
SETTINGS = {
    "core.fsmonitor": "@RUN@",
    "core.hooksPath": "hooks",
    "core.sshCommand": "@RUN@",
    "core.gitProxy": "@RUN@",
    "core.pager": "@RUN@",
    "core.editor": "@RUN@",
    "core.askPass": "@RUN@",
    "core.alternateRefsCommand": "@RUN@",
    "core.attributesFile": "@ROOT@/attributes",
    "pager.status": "@RUN@",
    "pager.diff": "true",
    "sequence.editor": "@RUN@",
    "gpg.program": "@RUN@",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "credential.helper": "@RUN@",
    "diff.external": "@RUN@",
    "diff.x.command": "@RUN@",
    "diff.x.textconv": "@RUN@",
    "diff.ignoreSubmodules": "none",
    "merge.x.driver": "@RUN@",
    "merge.default": "x",
    "filter.a=b.clean": "@RUN@",  # no option of the command line can name it
    "filter.x.clean": "@RUN@",
    "filter.x.smudge": "@RUN@",
    "filter.x.process": "@RUN@",
    "filter.y.clean": "@RUN@",
    "hook.x.command": "@RUN@",
    "hook.x.event": "post-index-change",
    "alias.status": "!@RUN@",
    "alias.rev-parse": "!@RUN@",
    "extensions.partialClone": "origin",
    "remote.origin.url": "ext::@RUN@ %S",
    "remote.origin.promisor": "true",
    "remote.origin.uploadpack": "@RUN@",
    "remote.origin.vcs": "evil",
    "protocol.ext.allow": "always",
    "protocol.allow": "always",
    "submodule.recurse": "true",
    "submodule.x.update": "!@RUN@",
    "uploadpack.packObjectsHook": "@RUN@",
    "trace2.normalTarget": "@HOME@/.bashrc",
    "trace2.eventTarget": "@HOME@/.bashrc",
}
ATTRIBUTES = "*.py filter=x diff=x merge=x\n*.md filter=y diff=x merge=x\n*.sh filter=a=b\n"
JOURNAL = {"complete": False, "title": "update", "head": "0" * 40, "changes": {}, "conflicts": [], "folders": []}
PLACE = ".git/forge/update-"
HOOKS = ("post-index-change", "pre-commit", "reference-transaction", "fsmonitor-watchman", "post-checkout")
SHADOWS = ("ensurepip", "venv", "sitecustomize", "site", "json")
PYPROJECT = """
[project]
name = "x"
requires-python = ">=3.8"
[tool.uv]
python-preference = "only-managed"
"""
COMPOSE = """
include: [oci://127.0.0.1:1/x]
services: {a: {image: a, ports: ["0.0.0.0:1-999999:1", 5]}}
"""


@dataclass(frozen=True)
class Attack:
    """What somebody has done to a project before the user got it.

    Attributes:
        files: What is written into it, `.git` included, after its last commit.
        committed: What is committed; the rest came in an archive.
        settings: What its own git configuration says.
        journal: What the journal of an update says that has never been.
        also: What else was done to it.
        touched: Whether git has to look into every file, as after an archive was unpacked.
    """

    files: Files = field(default_factory=dict)
    committed: Files = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    journal: Mapping[str, Any] | None = None
    also: Callable[[Ground, Path], object] | None = None
    touched: bool = False

    def carry_out(self, ground: Ground, project: Path) -> None:
        """Do it to a committed project."""
        if self.committed:
            ground.write(project, self.committed)
            ground.git(project, "add", "--all", "--force")
            ground.git(project, "commit", "--quiet", "--message", "Nothing to see here")
        if self.journal is not None:
            written = {**JOURNAL, "head": ground.git(project, "rev-parse", "HEAD"), **self.journal}
            ground.write(project, {f"{PLACE}/journal.json": json.dumps(written)})
        ground.write(project, self.files)
        if self.touched:
            for file in project.iterdir():
                os.utime(file, (1, 1))
        for name, value in self.settings.items():
            ground.git(project, "config", name, ground.filled_in(value))
        if self.also:
            self.also(ground, project)


def _undone(path: str, kind: str = "added") -> dict[str, Any]:
    return {"changes": {path: kind}}


def _objects_elsewhere(ground: Ground, project: Path) -> None:
    (ground.root / "sibling" / "objects").mkdir(exist_ok=True)
    shutil.copytree(project / ".git/objects", ground.root / "sibling/objects", dirs_exist_ok=True)
    shutil.rmtree(project / ".git/objects")
    (project / ".git/objects").symlink_to(ground.root / "sibling/objects")


def _index_elsewhere(_: Ground, project: Path) -> None:
    (project / ".git/index").unlink()
    (project / ".git/index").symlink_to("../../../../sibling/index")


def _without_objects(_: Ground, project: Path) -> None:
    for file in (project / ".git/objects").glob("??/*"):
        file.unlink()


def _submodule(ground: Ground, project: Path) -> None:
    """A repository in the project, which has the same configuration."""
    ground.write(project / "sub", {"x": "x\n"})
    ground.git(project / "sub", "init", "--quiet")
    ground.git(project / "sub", "add", "--all")
    ground.git(project / "sub", "commit", "--quiet", "--message", "x")
    ground.write(project, {".gitmodules": '[submodule "x"]\n\tpath = sub\n\turl = ext::@RUN@\n\tignore = none\n'})
    ground.git(project, "add", "--all")
    ground.git(project, "commit", "--quiet", "--message", "x")
    for name, value in SETTINGS.items():
        ground.git(project / "sub", "config", name, ground.filled_in(value))
    ground.write(project / "sub", {"x": "y\n", ".git/hooks/post-index-change": "@RUN@\n"})


PYTHON = "#!/bin/sh\nexec @RUN@\n"
ATTACKS = {
    "every program of git's configuration": Attack(
        committed={".gitattributes": ATTRIBUTES}, settings=SETTINGS, touched=True
    ),
    "every program of a configuration that is included": Attack(
        committed={".gitattributes": ATTRIBUTES},
        files={".git/evil": "".join(f'[filter "{name}"]\n\tclean = @RUN@\n\tprocess = @RUN@\n' for name in "xy")},
        settings={"include.path": "evil"},
        touched=True,
    ),
    "every program of a work tree's configuration": Attack(
        committed={".gitattributes": ATTRIBUTES},
        files={".git/config.worktree": '[filter "x"]\n\tclean = @RUN@\n[core]\n\tfsmonitor = @RUN@\n'},
        settings={"extensions.worktreeConfig": "true", "core.repositoryFormatVersion": "1"},
        touched=True,
    ),
    "hooks": Attack(
        files={f".git/hooks/{name}": "#!/bin/sh\nexec @RUN@\n" for name in HOOKS},
        also=lambda _, project: _executable(project, *(f".git/hooks/{name}" for name in HOOKS)),
        touched=True,
    ),
    "objects that are missing": Attack(settings=SETTINGS, also=_without_objects, touched=True),
    "submodule": Attack(also=_submodule, touched=True),
    "attributes of the repository": Attack(
        files={".git/info/attributes": "* filter=x\n"}, settings={"filter.x.clean": "@RUN@"}, touched=True
    ),
    "repository that the project only looks like": Attack(
        files={
            ".git": None, "HEAD": "ref: refs/heads/main\n", "refs/x": "", "objects/x": "",
            "config": "[core]\n\tbare = false\n\tworktree = @HOME@\n\tfsmonitor = @RUN@\n",
        },
    ),
    "work tree that is the home directory": Attack(settings={"core.worktree": "@HOME@"}),
    "repository of another project": Attack(
        files={".git": "gitdir: @ROOT@/another/.git\n"}, also=lambda ground, project: _another(ground, project)
    ),
    "repository of another project by a link": Attack(
        files={".git": Link("@ROOT@/another/.git")}, also=lambda ground, project: _another(ground, project)
    ),
    "objects of another project": Attack(
        files={".git/commondir": "@ROOT@/another/.git\n"}, also=lambda ground, project: _another(ground, project)
    ),
    # A journal that Forge has not written.
    "journal that removes a file above": Attack(journal=_undone("../../../sibling/notes.md")),
    "journal that removes a file by its whole name": Attack(journal=_undone("@HOME@/.bashrc")),
    "journal that removes a file of git's": Attack(journal=_undone(".git/config")),
    "journal that moves a file out": Attack(
        files={f"{PLACE}/old/x": "@RUN@\n"}, journal=_undone("../../../home/.bashrc", "changed")
    ),
    "journal that puts a hook in place": Attack(
        files={f"{PLACE}/old/.git/hooks/pre-commit": "@RUN@\n"}, journal=_undone(".git/hooks/pre-commit", "changed")
    ),
    "journal that removes a file through a link of the project": Attack(
        files={"d": Link("@SIBLING@")}, journal=_undone("d/notes.md")
    ),
    "journal that writes through a link of the project": Attack(
        files={"d": Link("@SIBLING@"), f"{PLACE}/old/d/notes.md": "@RUN@\n"}, journal=_undone("d/notes.md", "changed")
    ),
    "journal that takes a file through a link of its own": Attack(
        files={f"{PLACE}/old": Link("@HOME@/.ssh")}, journal=_undone("id_ed25519", "changed")
    ),
    "journal that takes a file through a deeper link of its own": Attack(
        files={f"{PLACE}/old/d": Link("@HOME@/.ssh")}, journal=_undone("d/id_ed25519", "changed")
    ),
    "journal that removes a directory above": Attack(journal={"folders": ["../../../tmp"]}),
    "journal whose commit is an option": Attack(journal={"complete": True, "head": "--output=@HOME@/.bashrc"}),
    "journal of another form": Attack(journal={"changes": [["x", "added"]], "extra": 1}),
    "journal that is not JSON": Attack(files={f"{PLACE}/journal.json": "[" * 100_000}),
    "journal in a directory that is a link": Attack(files={PLACE: Link("@SIBLING@")}),
    "journals in a directory that is a link": Attack(files={".git/forge": Link("@SIBLING@")}),
    "journal that is a link": Attack(files={f"{PLACE}/journal.json": Link("@SIBLING@/journal.json")}),
    "draft of a journal that is a link": Attack(files={f"{PLACE}/journal.new": Link("@HOME@/.bashrc")}),
    "lock that is a link": Attack(files={f"{PLACE}.lock": Link("@SIBLING@/notes.md"), f"{PLACE}/x": ""}),
    "markers in what never ends": Attack(
        files={"endless": Link("/dev/zero")}, journal={"complete": True, **_undone("endless", "changed")}
    ),
    # Links of the project's own.
    "answers file that is a link": Attack(committed={".copier-answers.yml": Link("@HOME@/answers.yml")}),
    "directory that is a link and is committed": Attack(committed={"wide": Link("@SIBLING@")}),
    "directory that is a link and is ignored": Attack(
        committed={".gitignore": "wide\n"}, files={"wide": Link("@SIBLING@")}
    ),
    "directory that is a link inside the project": Attack(
        committed={".gitignore": "wide\n"}, files={"wide": Link("deep")}
    ),
    "file in place of a directory": Attack(committed={".gitignore": "wide\n"}, files={"wide": "mine\n"}),
    "file that is a link": Attack(committed={"code.py": Link("@HOME@/.bashrc"), "gone_too.py": Link("@HOME@/.bashrc")}),
    "index that is a link": Attack(also=_index_elsewhere),
    "objects that are a link": Attack(also=_objects_elsewhere),
    # What `forge doctor` would run.
    "interpreter that is committed": Attack(
        committed={".venv/bin/python": PYTHON, ".uv/bin/uv": PYTHON}, also=lambda _, project: _executable(project)
    ),
    "interpreter that came along": Attack(
        files={".venv/bin/python": PYTHON, ".uv/bin/uv": PYTHON}, also=lambda _, project: _executable(project)
    ),
    "modules with the names of the standard library's": Attack(
        committed={
            **{f"{name}.py": "open('@ROOT@/ran/mark', 'w')\n" for name in SHADOWS},
            "Makefile": "install:\n\t.uv/bin/uv sync\n",  # so that `python3` is looked at, which would get uv
        }
    ),
    "settings of other programs": Attack(
        committed={
            "pyproject.toml": PYPROJECT,
            ".python-version": "./.venv/bin/python\n",
            "compose.yaml": COMPOSE,
            "Makefile": "PORT ?= 8000\n$(shell @RUN@)\n",
        }
    ),
    "pipes, where files are read": Attack(also=lambda _, project: _pipes(project)),
}  # fmt: skip


def _another(ground: Ground, project: Path) -> None:
    """A project of the user's own, which the attacker knows of."""
    if not (ground.root / "another").exists():
        shutil.copytree(project.parent.parent / "demo", ground.root / "another")


def _executable(project: Path, *paths: str) -> None:
    for path in paths or (".venv/bin/python", ".uv/bin/uv"):
        (project / path).chmod(0o755)


def _pipes(project: Path) -> None:
    for name in (".env", "Makefile", "compose.yaml", "pyproject.toml", ".env.example"):
        (project / name).unlink(missing_ok=True)
        os.mkfifo(project / name)


def programs(project: Path) -> dict[str, bytes]:
    """What is in the repository and would run, now or later."""
    files = [*project.glob(".git/config*"), *project.glob(".git/hooks/*")]
    return {file.name: file.read_bytes() for file in files if file.is_file()}
