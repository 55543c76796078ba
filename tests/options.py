"""The combinations of answers that copier.yml allows. It is read here, never repeated."""

from collections.abc import Iterator, Mapping
from itertools import combinations as pairs_of
from itertools import product
from pathlib import Path

from forge_cli import questions, rendering
from forge_cli.questions import Answer, Answers

# The questions whose answers decide which files there are and what they do; of these, the ones that meet no other; and
# those that change a text and a number.
STRUCTURE = ("broker", "database", "result_backend", "beat", "backup", "auth", "flower", "docker", "ci")
ALONE = ("flower", "docker", "ci")
TEXTS = ("license", "python_version")
DEFAULTS = questions.complete({"project_name": "Demo Project"})


def combinations(*names: str) -> Iterator[Answers]:
    """Every valid combination of the answers to some questions, on top of a name for the project.

    Args:
        names: The questions, as copier.yml names them; every one with choices when none is given.
    """
    asked = [question for question in questions.asked() if question.values and (not names or question.name in names)]
    refused = [pair.answers.items() for pair in questions.refused_pairs()]
    for values in product(*(question.values for question in asked)):
        answers = dict(zip((question.name for question in asked), values, strict=True))
        everything = questions.complete({"project_name": "Demo Project", **answers})
        if not any(pair <= everything.items() for pair in refused):
            yield {"project_name": "Demo Project", **answers}


def in_turn(names: tuple[str, ...], *others: str) -> Iterator[Answers]:
    """Every valid combination of the answers to some questions; those to the other ones take turns."""
    turns = list(product(*(questions.questions()[other].values for other in others)))
    for number, answers in enumerate(combinations(*names)):
        yield {**answers, **dict(zip(others, turns[number % len(turns)], strict=True))}


def covering(*names: str) -> list[Answers]:
    """A few combinations in which every two answers that can be given together are given together."""
    left = list(combinations(*names))
    unseen = set[frozenset[tuple[str, Answer]]]().union(*map(_pairs, left))
    few = []
    while unseen:
        best = max(left, key=lambda answers: len(_pairs(answers) & unseen))
        unseen -= _pairs(best)
        few.append(best)
    return few


def _pairs(answers: Answers) -> set[frozenset[tuple[str, Answer]]]:
    return set(map(frozenset, pairs_of(answers.items(), 2)))


def default(name: str) -> Answer:
    """The default answer to a question."""
    return DEFAULTS[name]


def label(answers: Mapping[str, Answer]) -> str:
    """A test's id: `redis-postgresql-redis-file-flower-docker`."""
    return "-".join(_word(name, value) for name, value in answers.items() if name != "project_name")


def _word(name: str, value: Answer) -> str:
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    return value


def render(answers: Answers, project: Path) -> Path:
    """Make a project as `forge new` does, but in this process and without git."""
    rendering.render(project, answers, defaults=True)
    return project
