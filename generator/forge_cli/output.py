"""Every line that a user sees."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forge_cli import __version__, provenance, questions
from forge_cli.project import Project
from forge_cli.questions import Answer, Question


def error(message: str, exit_code: int, *, as_json: bool) -> None:
    """Say what went wrong: on stderr for people, on stdout for programs."""
    if as_json:
        document({"error": {"message": message, "exit_code": exit_code}})
    else:
        print(f"error: {_printable(message)}", file=sys.stderr)


def defect(error: Exception) -> str:
    """What to say of an error that nobody has foreseen."""
    reason = " ".join(str(error).split()) or "no reason given"
    return (
        f"This is a defect of Forge ({type(error).__name__}: {reason}). Please report it, with what is printed when "
        "FORGE_TRACEBACK=1 is set."
    )


def version(*, as_json: bool) -> None:
    """Print the version of Forge, and that of the template in it."""
    revision = provenance.installed().revision
    if as_json:
        document({"version": __version__, "template": revision.name if revision else None})
    else:
        line(f"forge {__version__}" + (f" (template {revision.name})" if revision else ""))


def project(made: Project, *, as_json: bool) -> None:
    """Print what was made, with which answers, and how to start it; in a dry run, the files."""
    if as_json:
        document(
            {
                "destination": str(made.destination.absolute()),
                "project_name": made.answers["project_name"],
                "slug": made.slug,
                "answers": made.answers,
                "files": made.files,
                "kept": made.kept,
                "template": {"address": made.template.address, "revision": made.template.revision},
                "commit": made.commit,
                "notes": made.notes,
                "dry_run": made.dry_run,
            }
        )
    elif made.dry_run:
        line(*made.files)
    else:
        _summary(made)


def options(*, as_json: bool) -> None:
    """Print the questions, what is computed from the answers, and the pairs of answers that are refused."""
    if as_json:
        document(
            {
                "questions": [_described(question) for question in questions.asked()],
                "computed": questions.computed(),
                "refused": [{"answers": pair.answers, "reason": pair.reason} for pair in questions.refused_pairs()],
            }
        )
        return
    width = max(len(question.name) for question in questions.asked())
    line(*(f"{question.name:<{width}}  {explained(question)}" for question in questions.asked()))
    line("", f"Computed, never asked: {', '.join(questions.computed())}.")
    line("", "Refused:", *(f"  {pair.reason}" for pair in questions.refused_pairs()))


def explained(question: Question) -> str:
    """A question's help with what it allows, the default first, as one phrase."""
    if question.choices:
        values = (f"{value}{' (default)' * (value == question.default)}" for value in question.values)
        return f"{question.help}: {', '.join(values)}"
    if question.follows:
        return f"{question.help} (default: yes where it can be)"
    if not question.default:
        return question.help
    default = re.sub(r"{{ (\w+) }}", r"<\1>", shown(question.default))  # what follows from another answer
    return f"{question.help} (default: {default})"


def flush() -> None:
    """Write out what was printed.

    Raises:
        OSError: If nobody takes it. Python, which tries again when it exits, is kept from complaining then.
    """
    try:
        if sys.stdout:  # there is none after `>&-`
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def progress(text: str = "Making the project...", *, enabled: bool) -> Iterator[None]:
    """Say that Forge is at work, if it takes over a second and somebody is looking."""
    if not (enabled and sys.stderr.isatty()):
        yield
        return
    timer = threading.Timer(1, lambda: print(text, end="\r", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        print("\033[K", end="", file=sys.stderr, flush=True)


def _summary(made: Project) -> None:
    place = str(made.destination)
    here = made.destination.absolute() == Path.cwd()
    line(f"Made {made.answers['project_name']} in `{place}`: {len(made.files)} files.")
    line(*made.notes)
    if made.kept:
        line(f"Kept as they were: {', '.join(made.kept)}.")
    width = max(map(len, made.answers))
    line("", *(f"  {name:<{width}}  {shown(answer)}".rstrip() for name, answer in made.answers.items()))
    line("", "To start:", *([] if here else [f"  cd {shlex.quote(place)}"]), "  make dev")
    line("", "README.md tells the rest.")


def _described(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "flag": question.flag,
        "type": question.type,
        "help": question.help,
        "required": question.default is None,
        "default": question.default,
        "choices": [{"value": choice.value, "label": choice.label} for choice in question.choices],
    }


def shown(answer: Answer) -> str:
    """An answer as people write it."""
    return {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else answer


def document(content: dict[str, Any]) -> None:
    """Print one JSON document."""
    print(json.dumps(content, indent=2))


def line(*lines: str) -> None:
    """Print lines, for people."""
    for text in lines:
        print(_printable(text))


def _printable(text: str) -> str:
    """The text with nothing in it that a terminal would act on, such as a file's name may hold."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
