"""A value that a question gets one day stops the rendering of each file that tells its values apart.

Otherwise a file would take it silently for one of those that it knows, or leave out what belongs there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, nodes

from forge_cli import questions
from forge_cli.errors import ForgeError
from forge_cli.filters import Filters
from forge_cli.questions import Answers, template_root
from tests.options import STRUCTURE, covering

JINJA = Environment(extensions=[Filters])
CHOICES = {question.name for question in questions.asked() if question.choices}
FILES = sorted(path for path in (template_root() / "template").rglob("*.jinja") if "{{" not in path.name)


def ladders(path: Path) -> Iterator[tuple[nodes.If, set[str]]]:
    """Every `if` of a file with other branches, with the questions whose values it compares."""
    for found in JINJA.parse(path.read_text()).find_all(nodes.If):
        if found.elif_ or found.else_:
            # Jinja's search leaves out the node that it begins at.
            tests = [nodes.Tuple([branch.test], "load") for branch in (found, *found.elif_)]
            yield found, {question for test in tests for question in compared(test)}


def compared(test: nodes.Node) -> Iterator[str]:
    """The questions that are compared with one value."""
    for comparison in test.find_all(nodes.Compare):
        name = comparison.expr
        if isinstance(name, nodes.Name) and name.name in CHOICES and comparison.ops[0].op == "eq":
            yield name.name


def everything(answers: Answers) -> dict[str, Any]:
    """What a template reads: the answers, and what follows from them."""
    known: dict[str, Any] = dict(questions.complete(answers))
    for name in questions.computed():
        details = questions.config()[name]
        value = questions.render(details["default"], known)
        known[name] = value if details["type"] == "str" else yaml.safe_load(str(value))
    return known


TELLING_APART = sorted({(path, question) for path in FILES for _, found in ladders(path) for question in found})
COMBINATIONS = [everything({"project_name": "Demo Project", **answers}) for answers in covering(*STRUCTURE)]


def refuses(path: Path, context: dict[str, Any], question: str) -> bool:
    """Whether the file cannot be rendered because of the question's value."""
    try:
        questions.render(path.read_text(), context)
    except ForgeError as error:
        return f"'unknown_{question}' is undefined" in str(error)
    return False


def test_every_question_that_shapes_files_is_among_them() -> None:
    assert {question for _, question in TELLING_APART} == CHOICES - {"python_version"}


@pytest.mark.parametrize(
    ("path", "question"), TELLING_APART, ids=[f"{path.name}-{question}" for path, question in TELLING_APART]
)
def test_a_file_that_tells_values_apart_refuses_a_new_one(path: Path, question: str) -> None:
    assert any(refuses(path, {**known, question: "new"}, question) for known in COMBINATIONS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(template_root() / "template")))
def test_what_is_left_over_stands_for_no_particular_value(path: Path) -> None:
    for ladder, compares in ladders(path):
        if ladder.else_ and compares:
            names = {name.name for branch in ladder.else_ for name in branch.find_all(nodes.Name)}
            assert names & {f"unknown_{question}" for question in compares}, f"line {ladder.lineno}"
