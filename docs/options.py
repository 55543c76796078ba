"""Writes docs/options.md from copier.yml: `python docs/options.py`."""

from __future__ import annotations

from pathlib import Path

from forge_cli.questions import Answer, Question, asked, complete, computed, config, questions, refused_pairs, render

PAGE = Path(__file__).with_suffix(".md")
INTRODUCTION = """\
# Options

Made from `copier.yml` by `python docs/options.py`; do not edit. `forge options` prints the same at a terminal.

Every question is an option of `forge new`, a key for `-d key=value` and in a file for `--answers`, and a question of
`copier copy`.
"""


def page() -> str:
    """The page as it should be."""
    names = ", ".join(f"`{name}`" for name in computed())
    return "\n".join([INTRODUCTION, *map(section, asked()), f"## Computed\n\nNever asked, and never given: {names}.\n"])


def section(question: Question) -> str:
    """What there is to say of one question."""
    lines = [f"## {question.name}", "", f"{question.help}: {usage(question)}{':' if question.choices else '.'}", ""]
    for choice in question.choices:
        default = " (default)" if choice.value == question.default else ""
        lines.append(f"- `{choice.value}`{default}: {choice.label}")
    for value, paths in left_out(question).items():
        lines += [f"- `{question.name}={str(value).lower()}` leaves out {', '.join(f'`{path}`' for path in paths)}"]
    lines += [f"- {pair.reason}" for pair in refused_pairs() if question.name in pair.answers]
    return "\n".join(lines).rstrip() + "\n"


def usage(question: Question) -> str:
    """The option of the command line, and its default unless that is marked in the list of choices."""
    if question.follows:
        return f"`{question.flag}` or `--no-{question.flag[2:]}`, by default yes where it can be"
    if question.type == "bool":
        return f"`{question.flag}` or `--no-{question.flag[2:]}`, by default {'yes' if question.default else 'no'}"
    if question.choices:
        return f"`{question.flag}` and one of"
    default = f"by default `{question.default}`" if question.default else "by default empty"
    return f"`{question.flag}` and a text, {'required' if question.default is None else default}"


def left_out(question: Question) -> dict[Answer, list[str]]:
    """By answer, the paths that a project lacks with it and has with another: those that the question owns."""
    absent = {value: excluded(question, value) for value in question.values}
    always = set[str].intersection(*absent.values()) if absent else set()
    return {value: sorted(paths - always) for value, paths in absent.items() if paths - always}


def excluded(question: Question, value: Answer) -> set[str]:
    """The paths that copier.yml leaves out of a new project."""
    answers = {**complete({"project_name": "demo", question.name: value}), "_copier_operation": "copy"}
    for name in computed():
        text = render(questions()[name].default or "", answers)
        answers[name] = text == "True" if text in {"True", "False"} else text
    paths = {line.strip("/") for entry in config()["_exclude"] for line in str(render(entry, answers)).splitlines()}
    return {path for path in paths if not any(path.startswith(f"{other}/") for other in paths)}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
