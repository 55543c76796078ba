"""What all tests share: nothing of the developer's own configuration, and the template as a plain directory."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from jinja2 import Environment
from plumbum import local
from pytest_copie.plugin import Copie

from forge_cli import questions
from forge_cli.questions import Answer, Answers, template_root

pytest_plugins = ["tests.boot.plugin"]

Render = Callable[[Answers], Path]


@pytest.fixture(scope="session", autouse=True)
def no_configuration_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Copier's settings would change default answers, and Forge remembers which projects are trusted. A variable that
    keeps Python from caching bytecode, as some machines set it, would make every process of every variant compile its
    libraries again.
    """
    settings = tmp_path_factory.mktemp("copier") / "settings.yml"
    settings.write_text("{}\n")
    os.environ["COPIER_SETTINGS_PATH"] = str(settings)
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def signals_are_heeded() -> None:
    """Under `nohup` and in the background of a script some are ignored, and what the tests start would inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template outside git, so that each rendering does not clone the repository first."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(template_root() / "copier.yml", folder)
    shutil.copytree(
        template_root() / "template", folder / "template", ignore=shutil.ignore_patterns(".*_cache", "__pycache__")
    )
    return folder


@pytest.fixture(scope="session")
def render(copie_session: Copie, template: Path) -> Iterator[Render]:
    """A function that renders a project with some answers, once, to be read only.

    It raises what Copier raises when it refuses the answers.
    """
    projects: dict[frozenset[tuple[str, Answer]], Path] = {}

    def project(answers: Answers) -> Path:
        key = frozenset(answers.items())
        if key not in projects:
            result = copie_session.copy(extra_answers=answers, template_dir=template)
            if result.exception:
                raise result.exception
            assert result.project_dir
            # What was not asked is not recorded.
            complete = questions.complete(answers)
            asked = {name for name in answers if questions.is_asked(questions.questions()[name], complete)}
            assert {(name, answers[name]) for name in asked} <= result.answers.items()
            projects[key] = result.project_dir
        return projects[key]

    # Copier asks git for one setting at each file that it writes.
    with local.env(PATH=""):
        yield project


@pytest.fixture(scope="session", autouse=True)
def jinja_compiles_once() -> Iterator[None]:
    """For every project, Copier has Jinja compile each file and each part of a path anew."""
    compiled: dict[object, CodeType] = {}
    compile_anew = Environment.compile

    def compile_once(environment: Environment, source: Any, *names: Any, **options: Any) -> Any:
        if not isinstance(source, str):
            return compile_anew(environment, source, *names, **options)
        key = (type(environment), tuple(environment.extensions), source, *names, *options.items())
        if key not in compiled:
            compiled[key] = compile_anew(environment, source, *names, **options)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield
