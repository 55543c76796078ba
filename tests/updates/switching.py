"""A project of the last release that is updated and switched to other answers, and then runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge_cli import answers_file, questions
from forge_cli.questions import Answer, Answers
from tests.boot.booted import Booted
from tests.boot.project import Project
from tests.boot.run import Endpoint, Run
from tests.boot.test_quality import CHECKS
from tests.boot.variants import VARIANTS, Variant
from tests.updates.conftest import WORKING, Forge, commit

START: Answers = questions.complete({"project_name": "demo"})


@dataclass(frozen=True)
class Switch:
    """What a project is made with, beside the defaults, and what it is switched to."""

    number: int
    before: dict[str, str | bool]
    after: dict[str, str | bool]
    is_checked: bool
    """Whether the project's own checks run too, which take longer than the rest."""

    @property
    def name(self) -> str:
        """The switches in words: `broker-redis-to-rabbitmq`."""
        words = (f"{name}-{_word(self.old(name))}-to-{_word(value)}" for name, value in self.after.items())
        return "-and-".join(words)

    def old(self, name: str) -> Answer:
        """The answer that the project was made with."""
        return self.before.get(name, START[name])

    @property
    def variant(self) -> Variant:
        """What the project has become. What hangs on an answer follows it."""
        answers = questions.complete({"project_name": "demo", **self.before, **self.after})
        return Variant(len(VARIANTS) + self.number, answers)


def switch(number: int, after: str, before: str = "", *, is_checked: bool = False) -> Switch:
    """A switch as one would type it."""
    return Switch(number, _answers(before), _answers(after), is_checked)


class Switched(Booted):
    """A project of the last release with what its team has changed, brought to other answers and booted."""

    def __init__(
        self, what: Switch, run: Run, endpoints: Mapping[str, Endpoint], directory: Path, old: Path, forge: Forge
    ) -> None:
        super().__init__(what.variant, run, endpoints, directory)
        self.switch = what
        self.old = old
        self.forge = forge

    def make(self) -> Project:
        """Take the old project, update it and switch it."""
        return Project(self.directory, self.variant.answers, self._bring)

    def edit(self) -> None:
        """Let the project check itself before anything is added that is not part of it."""
        if self.switch.is_checked:
            self.project.uv("sync", "--quiet")
            for check in CHECKS:
                if check != "pytest":
                    self.project.uv("run", "--quiet", *check.split())
        super().edit()

    def _bring(self, answers: Answers, place: Path) -> None:
        shutil.move(self.old, place)
        given = [f"{name}={_word(value)}" for name, value in self.switch.after.items()]
        for command in (["update", place, "--to", WORKING], ["set", place, *given]):
            ran = self.forge(*command, "--yes")
            assert (ran.code, ran.err) == (0, ""), ran.out
            commit(place)
        recorded = answers_file.read(place).answers
        assert recorded.items() <= answers.items(), recorded


def _answers(text: str) -> dict[str, str | bool]:
    """`flower=no database=sqlite` as answers."""
    pairs = (item.split("=") for item in text.split())
    return {name: {"yes": True, "no": False}.get(value, value) for name, value in pairs}


def _word(value: Answer) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
