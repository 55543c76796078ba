"""What is told, and what is not: a secret in somebody else's text."""

import json
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

file = Path("/dev/null")
secrets: set[str] = set()
_lock = threading.Lock()


def tell(fact: str, *, text: str = "", **details: Any) -> None:
    """Write a fact; `text` is what a driver or a user's module says, and may repeat a secret."""
    line = json.dumps({"fact": fact, "text": clean(text), **details}, default=str)
    with _lock, file.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def clean(text: str) -> str:
    """Take the secrets out of a text."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def words(error: BaseException) -> str:
    """What an error says, in one line, with what it came from."""
    said = []
    each: BaseException | None = error
    while each:
        text = (each.msg if isinstance(each, SyntaxError) else str(each)).strip().partition("\n")[0]
        said.append(f"{type(each).__name__}: {text}" if text else type(each).__name__)
        each = each.__cause__ or each.__context__
    return "; ".join(dict.fromkeys(said))


def runs(part: str, what: Callable[[], Any]) -> bool:
    """Do something of the project's; an error is a fact like others."""
    tell("begun", part=part)
    try:
        what()
    except SystemExit as error:
        tell("refused", part=part, text=str(error.code))
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        tell("broken", part=part, text=words(error).partition("; ")[0], place=_place(error), missing=missing)
    else:
        return True
    return False


def _place(error: BaseException) -> str:
    """Where in the project an error was raised."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    here = Path.cwd()
    inside = [(Path(name), line) for name, line in frames if Path(name).is_relative_to(here / "app")]
    return f"`{inside[-1][0].relative_to(here)}`, line {inside[-1][1]}" if inside else ""
