"""What copier.yml asks: names, types, choices, defaults, help and checks. Nothing else in Forge lists a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_cli import yaml_text
from forge_cli.errors import ForgeError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

Answer = str | bool
Answers = dict[str, Answer]


@dataclass(frozen=True)
class Choice:
    """One value that a question allows, and when it does not."""

    value: str
    label: str
    validator: str = ""


@dataclass(frozen=True)
class Question:
    """One question of copier.yml. A default of None means that an answer is required.

    `condition` is an expression of Jinja: without it, the question is not asked and has its default answer.
    """

    name: str
    type: str
    help: str
    default: Answer | None
    choices: tuple[Choice, ...]
    validator: str
    condition: str
    computed: bool

    @property
    def flag(self) -> str:
        """The option of the command line that answers this question."""
        return "--" + self.name.replace("_", "-")

    @property
    def follows(self) -> bool:
        """Whether the default answer of a yes-or-no question depends on the answers before."""
        return self.type == "bool" and isinstance(self.default, str)

    @cached_property
    def values(self) -> tuple[Answer, ...]:
        """Every allowed value, the default first; nothing for free text."""
        values = (True, False) if self.type == "bool" else tuple(choice.value for choice in self.choices)
        return tuple(sorted(values, key=lambda value: value != self.default))


@dataclass(frozen=True)
class RefusedPair:
    """Two answers that cannot be given together, and why."""

    answers: Answers
    reason: str


_root: Path | None = None


def template_root() -> Path:
    """Where copier.yml and template/ are: in the wheel, or at the root of the checkout that is installed editable.

    While `read_from` lasts, where it says.
    """
    if _root:
        return _root
    here = Path(__file__).resolve().parent
    packaged = here / "_template"
    return packaged if packaged.is_dir() else here.parents[1]


@contextmanager
def read_from(root: Path) -> Iterator[None]:
    """Ask what another template asks, for as long as this lasts.

    Args:
        root: Where that template's copier.yml and template/ are.
    """
    global _root
    previous, _root = _root, root
    _forget()
    try:
        yield
    finally:
        _root = previous
        _forget()


@cache
def config() -> dict[str, Any]:
    """Everything in copier.yml, as it is written there."""
    try:
        content = yaml_text.load((template_root() / "copier.yml").read_text(encoding="utf-8"))
    except (yaml_text.NotYamlError, UnicodeDecodeError) as error:
        place = str(error) if isinstance(error, yaml_text.NotYamlError) else ""
        raise ForgeError(f"The template is broken: its copier.yml is not YAML{place}.") from error
    if not (isinstance(content, dict) and all(isinstance(key, str) for key in content)):
        raise ForgeError("The template is broken: its copier.yml holds no questions.")
    return content


@cache
def questions() -> dict[str, Question]:
    """Every question by its name, in the order of copier.yml, the computed ones included."""
    return {name: _readable(name, details) for name, details in config().items() if not name.startswith("_")}


def asked() -> list[Question]:
    """The questions that a user may answer."""
    return [question for question in questions().values() if not question.computed]


def computed() -> list[str]:
    """The names that follow from the answers and are never asked."""
    return [question.name for question in questions().values() if question.computed]


def complete(answers: Answers) -> Answers:
    """The answers with the defaults filled in, as far as no answer that they need is missing."""
    known: Answers = {}
    for question in asked():
        if question.name in answers:
            known[question.name] = answers[question.name]
        elif question.default is not None and variables(question.default) <= known.keys():
            default = render(question.default, known)
            known[question.name] = default == "True" if question.follows else default
    return known


def is_answered(answers: Answers) -> bool:
    """Whether these answers leave no question to be asked."""
    return not any(is_asked(question, answers) for question in asked() if question.name not in answers)


def is_asked(question: Question, answers: Answers) -> bool:
    """Whether a question is asked after these answers, as far as they can tell."""
    can_tell = question.condition and variables(question.condition) <= answers.keys()
    return not can_tell or render(question.condition, answers) == "True"


def slug(answers: Answers) -> str:
    """The project's name as it is written in paths and addresses."""
    return str(render(questions()["slug"].default or "", answers))


def refusal(question: Question, answers: Answers) -> str:
    """Why the answer to this question is refused.

    Args:
        question: The question whose validators are evaluated.
        answers: At least every answer that the validators mention.

    Returns:
        The sentence of copier.yml, or nothing when the answer is allowed.
    """
    checks = [question.validator, *(c.validator for c in question.choices if c.value == answers[question.name])]
    return next((message for check in checks if (message := str(render(check, answers)).strip())), "")


def refused_pairs() -> list[RefusedPair]:
    """The pairs of answers that are refused, found by trying each pair that a validator can tell apart."""
    return [
        RefusedPair({question.name: answers[question.name], other.name: answers[other.name]}, reason)
        for question in asked()
        for other in asked()
        if other != question and other.name in dependencies(question)
        for answers in _pairs(question, other)
        if (reason := refusal(question, answers))
    ]


def dependencies(question: Question) -> set[str]:
    """The questions that the validators of this question mention."""
    checks = [question.validator, *(choice.validator for choice in question.choices)]
    return set[str]().union(*map(variables, checks)) & questions().keys()


def render(value: Answer, answers: Mapping[str, Any]) -> Answer:
    """A value of copier.yml with its Jinja evaluated as Copier does.

    Raises:
        ForgeError: If that cannot be done.
    """
    if not isinstance(value, str) or "{" not in value:
        return value
    with _broken_at(value):
        return _environment().from_string(value).render(answers)


def variables(value: Answer) -> set[str]:
    """The names that a value of copier.yml needs to be rendered."""
    if not isinstance(value, str) or "{" not in value:
        return set()
    from jinja2.meta import find_undeclared_variables

    with _broken_at(value):
        return find_undeclared_variables(_environment().parse(value))


@contextmanager
def _broken_at(value: str) -> Iterator[None]:
    """Say in one sentence that a value of copier.yml cannot be evaluated."""
    try:
        yield
    except Exception as error:  # whatever somebody's expression has come to
        shown = " ".join(value.split())
        if len(shown) > 60:
            shown = f"{shown[:60]}..."
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ForgeError(f"The template is broken at `{shown}` in copier.yml: {reason}.") from error


@cache
def _environment() -> SandboxedEnvironment:
    """Jinja as Copier sets it up; imported late because a run that only prints help has no use for it."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    from forge_cli.filters import Filters

    options = {**config().get("_envops", {}), "undefined": StrictUndefined}
    return SandboxedEnvironment(extensions=[Filters], **options)


def _forget() -> None:
    for read in (config, questions, _environment):
        read.cache_clear()


def _pairs(question: Question, other: Question) -> Iterator[Answers]:
    """The default answers with every pair of values of two questions."""
    defaults = complete({"project_name": "demo"})
    for value in question.values:
        for other_value in other.values:
            yield {**defaults, question.name: value, other.name: other_value}


def _readable(name: str, details: Any) -> Question:
    """A question of a template that somebody else may have written.

    Raises:
        ForgeError: If it has not the form that Forge knows.
    """
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        question = _question(name, details)
        checks = (question.validator, question.condition, *(choice.validator for choice in question.choices))
        is_known = question.computed or isinstance(question.default, str | int | float | None)
        if is_known and all(isinstance(text, str) for text in (question.type, question.help, *checks)):
            return question
    raise ForgeError(f"The template is broken: Forge cannot read its question `{name}`.")


def _question(name: str, details: dict[str, Any]) -> Question:
    return Question(
        name=name,
        type=details["type"],
        help=details.get("help", ""),
        default=details.get("default"),
        choices=tuple(_choices(details.get("choices", []))),
        validator=details.get("validator", ""),
        condition=details.get("when") or "",
        computed=details.get("when") is False,
    )


def _choices(choices: list[str] | dict[str, Any]) -> Iterator[Choice]:
    """The forms that Copier allows and copier.yml uses: values, labelled values, labelled values with a validator."""
    for label, value in choices.items() if isinstance(choices, dict) else zip(choices, choices, strict=True):
        details = value if isinstance(value, dict) else {"value": value}
        yield Choice(label=label, **details)
