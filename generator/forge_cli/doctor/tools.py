"""The programs that the project is installed, started and kept with."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from forge_cli import git
from forge_cli.doctor.findings import Finding, fine, graver, problem, warning
from forge_cli.doctor.programs import ask, version_in
from forge_cli.doctor.surroundings import Project
from forge_cli.errors import ForgeError

# Texts of configurations within compose.yaml: https://docs.docker.com/reference/compose-file/configs/
INLINE_CONFIGS = Version("2.23.1")
INSTALLING_UV = "Install it: https://docs.astral.sh/uv/getting-started/installation/."


def look(project: Project) -> Iterator[Finding]:
    """Look at each program."""
    uv = find_uv(project)
    yield from _uv(project, uv)
    yield from _python(project, uv)
    yield _make(uv) if project.has("Makefile") else fine("tools.make", "There is no Makefile, so make is not needed.")
    yield _git(project)
    if project.has("compose.yaml"):
        yield from _docker(project)


def find_uv(project: Project) -> str | None:
    """The uv that the project's Makefile would use."""
    private = project.private_uv
    return shutil.which("uv") or (str(private) if project.may_run and private.exists() else None)


def _uv(project: Project, uv: str | None) -> Iterator[Finding]:
    makefile = project.text("Makefile")
    if uv is None:
        if ".uv/bin/uv" not in makefile:
            yield problem("tools.uv", "uv is not installed.", INSTALLING_UV)
        elif ask(["python3", "-I", "-c", "import ensurepip, venv"]).code != 0:
            yield problem(
                "tools.uv",
                "uv is not installed, and there is no `python3` with `venv` to get a copy of it.",
                INSTALLING_UV,
            )
        else:
            yield fine("tools.uv", "uv is not installed; `make install` gets a copy of it, in `.uv`.")
        return
    answer = ask([uv, "--version"])
    version = version_in(answer.out)
    if version is None:
        yield problem("tools.uv", f"uv (`{uv}`) does not run: {answer.last_line}.", INSTALLING_UV)
        return
    lowest = re.search(r'"uv>=(\d+(?:\.\d+)*)', makefile)
    if lowest and version < Version(lowest[1]):
        told = f"uv is {version}, and the project was made for {lowest[1]} or later."
        yield warning("tools.uv", told, "Run `uv self update`, or update it by what it was installed with.")
    else:
        yield fine("tools.uv", f"uv {version}.")


def _python(project: Project, uv: str | None) -> Iterator[Finding]:
    check = "tools.python"
    try:
        wanted = SpecifierSet(project.declared.get("project", {}).get("requires-python", ">=3.11"))
    except (ForgeError, InvalidSpecifier, AttributeError, TypeError) as error:
        told = str(error) if isinstance(error, ForgeError) else "`requires-python` in `pyproject.toml` is invalid."
        yield problem(check, told, "Fix that file; `git diff pyproject.toml` shows what has changed.")
        return
    place = _shown(project)
    if project.python.parent.is_dir():
        if not project.may_run:
            return  # what it is, only it could say
        answer = ask([project.python, "--version"])
        version = version_in(answer.out)
        if version is None or version not in wanted:
            told = f"is Python {version}, and the project needs {wanted}" if version else "does not run"
            yield problem(check, f"The Python in `{place}` {told}.", f"Run `rm -r {place}` and `make install`.")
        else:
            yield fine(check, f"Python {version}, in `{place}`.")
        return
    if uv:
        # uv asks the interpreters that it finds, and would find those in a directory of the project and above it.
        folder = project.folder if project.may_run else None
        answer = ask([uv, "python", "find", "--no-project", "--no-python-downloads", str(wanted)], folder=folder)
        found = answer.out.strip() if answer.code == 0 else ""
    else:
        found = next((name for name in ("python3",) if version_of(name) in wanted), "")
    if found:
        yield fine(check, f"Python {version_of(found)}, at `{found}`.")
    else:
        told = f"No Python {wanted} is installed."
        yield warning(check, told, "`make install` downloads one, unless uv is told not to.")


def version_of(program: str) -> Version:
    """The version that a program says it has; 0 when it says none."""
    return version_in(ask([program, "--version"]).out) or Version("0")


def _make(uv: str | None) -> Finding:
    if not shutil.which("make"):
        remedy = "Install it with the system's packages, or run `uv sync` and `uv run app dev` instead."
        return graver("tools.make", "make is not installed.", remedy, when=uv is None)
    return fine("tools.make", f"make {version_of('make')}.")


def _git(project: Project) -> Finding:
    if not git.is_installed():
        return warning("tools.git", "git is not installed.", "Install it with the system's packages.")
    try:
        repository = git.surrounding_repository(project.folder)
    except ForgeError as error:
        return warning("tools.git", str(error), "An update of the project needs a repository that git opens.")
    if repository is None:
        remedy = "Run `git init`, `git add --all` and `git commit`: an update of the project needs a commit."
        return warning("tools.git", "The project is in no git repository.", remedy)
    return fine("tools.git", f"git {version_of('git')}.")


def _docker(project: Project) -> Iterator[Finding]:
    check = "tools.docker"
    without = "`make up` needs it, `make dev` does not"
    if not shutil.which("docker"):
        podman = ", and podman-compose cannot run `compose.yaml`" if shutil.which("podman") else ""
        told = f"Docker is not installed{podman}; {without}."
        yield warning(check, told, "Install it: https://docs.docker.com/engine/install/.")
        return
    engine = ask(["docker", "version", "--format", "{{.Server.Version}}"])
    if engine.code != 0:
        told = "does not answer" if engine.code is None else f"cannot be used: {engine.last_line.partition('. ')[0]}"
        yield warning(check, f"Docker's engine {told}; {without}.", "Start it, or let this user reach its socket.")
    else:
        yield fine(check, f"Docker {engine.out.strip()}.")
    plugin = ask(["docker", "compose", "version", "--short"])
    version = version_in(plugin.out)
    if "podman-compose" in plugin.out:
        told = f"`docker compose` is podman-compose here, which cannot run `compose.yaml`; {without}."
        yield warning("tools.compose", told, "Install Docker Compose: https://docs.docker.com/compose/install/.")
    elif version is None:
        remedy = "Install it: https://docs.docker.com/compose/install/."
        yield warning("tools.compose", f"Docker has no plugin `compose`; {without}.", remedy)
    elif version < INLINE_CONFIGS and "content:" in project.text("compose.yaml"):
        told = f"Docker Compose is {version}, and `compose.yaml` needs {INLINE_CONFIGS} or later."
        yield warning("tools.compose", told, "Update it: https://docs.docker.com/compose/install/.")
    else:
        yield fine("tools.compose", f"Docker Compose {version}.")


def _shown(project: Project) -> Path:
    place = project.python.parents[1]
    return place.relative_to(project.folder) if place.is_relative_to(project.folder) else place
