"""Answers from flags, `-d`, files and presets: put together, and checked before anything is rendered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forge_cli import questions, yaml_text
from forge_cli.errors import UsageError
from forge_cli.questions import Answer, Answers, Question

PRESETS = Path(__file__).parent / "presets"
TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def presets() -> list[str]:
    """The names of the presets."""
    return sorted(file.stem for file in PRESETS.glob("*.yml"))


def collect(
    flags: Mapping[str, Answer | None], data: Iterable[str] = (), file: Path | None = None, preset: str | None = None
) -> Answers:
    """Put the given answers together: a flag beats `-d`, which beats the file, which beats the preset.

    Args:
        flags: What the flags say, by question; None where a flag was not given.
        data: Items such as `broker=redis`.
        file: A YAML or JSON file of answers.
        preset: The name of a preset.

    Returns:
        The answers that were given, of the right type, in the order of copier.yml.

    Raises:
        UsageError: If a key is not a question, a value is not allowed, or the file cannot be read.
    """
    given: dict[str, Any] = {}
    if preset:
        given |= _preset(preset)
    if file:
        given |= _read(file)
    given |= dict(map(_pair, data))
    given |= {name: value for name, value in flags.items() if value is not None}
    _refuse_unknown(given)
    return {
        question.name: _typed(question, given[question.name])
        for question in questions.asked()
        if question.name in given
    }


def check(answers: Answers, *, final: bool) -> None:
    """Evaluate the validators of copier.yml.

    Args:
        answers: The given answers.
        final: Whether the defaults answer the rest; otherwise a check that needs an answer not yet given is left to
            the prompts.

    Raises:
        UsageError: With the sentence of copier.yml, if an answer is refused.
    """
    known = questions.complete(answers) if final else answers
    for question in questions.asked():
        can_tell = question.name in known and questions.dependencies(question) <= known.keys()
        if can_tell and (reason := questions.refusal(question, known)):
            raise UsageError(reason)


def carried_over(recorded: Mapping[str, Any], given: Answers) -> Answers:
    """The answers of a project that are still asked for, with others in their place.

    Args:
        recorded: What the project was made with. What hangs on an answer that changes is asked no more, and left out.
        given: The answers that change.

    Raises:
        UsageError: If a recorded answer is no longer allowed.
    """
    known: Answers = {}
    for question in questions.asked():
        if question.name in given:
            known[question.name] = given[question.name]
        elif question.name in recorded and questions.is_asked(question, questions.complete(known)):
            known[question.name] = _typed(question, recorded[question.name])
    return known


def _pair(item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not separator:
        raise UsageError(f"`{item}` is not an answer. Write it as key=value.")
    return key, value


def _preset(name: str) -> dict[str, Any]:
    if name not in presets():
        raise UsageError(f"`{name}` is not a preset. The presets are: {', '.join(presets())}.")
    return _read(PRESETS / f"{name}.yml")


def _read(file: Path) -> dict[str, Any]:
    """The answers in a file; keys that begin with `_` are Copier's own, as in a `.copier-answers.yml`."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"`{file}` cannot be read: it is not text in UTF-8.") from error
    try:
        content = _parse(text)
    except yaml_text.NotYamlError as error:
        raise UsageError(f"`{file}` is neither YAML nor JSON{error}.") from error
    if not isinstance(content, dict):
        raise UsageError(f"`{file}` holds no answers. Write one `question: answer` on each line.")
    return {str(key): value for key, value in content.items() if not str(key).startswith("_")}


def _parse(text: str) -> Any:
    try:
        return json.loads(text)  # YAML reads most JSON, but not when it is indented with tabs
    except (ValueError, RecursionError):
        return yaml_text.load(text)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    names = [question.name for question in questions.asked()]
    for key in given:
        if key not in names:
            problem = "is computed and cannot be given" if key in questions.computed() else "is not a question"
            raise UsageError(f"`{key}` {problem}. The questions are: {', '.join(names)}.")


def _typed(question: Question, value: Any) -> Answer:
    """The value as the question's type, or a sentence that lists what is allowed. Copier would take `maybe` as true."""
    text = _text(value)
    if question.type == "bool":
        answer = value if isinstance(value, bool) else TRUTH.get(text.lower())
        if answer is None:
            raise UsageError(f"`{question.name}` must be true or false.")
        return answer
    if question.choices:
        if text not in question.values:
            raise UsageError(f"`{question.name}` must be one of: {', '.join(map(str, question.values))}.")
    elif not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError(f"`{question.name}` must be text.")
    return text


def _text(value: object) -> str:
    """A value as text; nothing for one that is not a single value, or whose text would be out of all proportion."""
    if isinstance(value, dict | list | set):  # the aliases of YAML can make one of any length
        return ""
    try:
        return str(value)
    except ValueError:  # a number of thousands of digits
        return ""
