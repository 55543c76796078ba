"""The project's own part of the examination: its Python runs `probe`, and what that has written is read."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_cli.doctor.programs import Answer, ask
from forge_cli.doctor.surroundings import Project

SECONDS = 30.0  # the first import after an installation compiles every library
# The package is loaded by its path: nothing else of Forge's environment may be found by the project's imports.
START = """
import importlib.util, sys
folder, file = sys.argv[1:]
start = f"{folder}/__init__.py"
spec = importlib.util.spec_from_file_location("forge_probe", start, submodule_search_locations=[folder])
sys.modules["forge_probe"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.main(file)
"""

Fact = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What the project has said.

    Attributes:
        facts: In the order in which they were found.
        answer: How the process has ended.
    """

    facts: list[Fact]
    answer: Answer

    def all(self, kind: str) -> list[Fact]:
        """The facts of a kind."""
        return [fact for fact in self.facts if fact["fact"] == kind]

    def first(self, kind: str) -> Fact | None:
        """The first fact of a kind, if there is one."""
        return next(iter(self.all(kind)), None)


def probe(project: Project) -> Told | None:
    """Let the project tell about itself; None when it is not installed, or the user has not agreed to run it."""
    if not (project.may_run and project.python.exists()):
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facts"
        file.touch(mode=0o600)
        package = Path(__file__).parent / "probe"
        command: list[str | Path] = [project.python, "-P", "-c", START, package, file]
        # Forge may run with a path of its own, as its tests do.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        answer = ask(command, folder=project.folder, seconds=SECONDS, env=env)
        lines = file.read_text(encoding="utf-8").splitlines()
    return Told([fact for line in lines if (fact := _parsed(line))], answer)


def _parsed(line: str) -> Fact | None:
    try:
        return dict(json.loads(line))
    except ValueError:
        return None  # it was ended in the middle of a line
