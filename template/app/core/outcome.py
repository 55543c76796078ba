"""What tasks return and raise, in the form in which it lasts.

Values are JSON: whatever pydantic can serialise, and an error that names what it cannot. Errors keep the name of their
class in other processes and in every store.
"""

import json
import math
import pickle
from collections import deque
from dataclasses import is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import GeneratorType
from typing import Any
from uuid import UUID

from celery.result import ResultBase
from kombu.serialization import register
from kombu.utils.json import dumps as kombu_dumps
from kombu.utils.json import loads
from pydantic import BaseModel, TypeAdapter

from app.core.envelope import is_deep

# How deep a value may be. As an argument of the next task in a chain it is a few levels deeper.
DEEPEST = 150
# Characters.
LONGEST_PLACE = 100
LONGEST_MESSAGE = 10_000
LONGEST_NAME = 255
ANYTHING = TypeAdapter[Any](Any)
NO_MESSAGE = "The error has no message that can be shown."
# Kombu marks these, so that whoever reads them gets them back in their own types.
MARKED = (datetime, date, time, Decimal, UUID)


class NotSerializable(TypeError):
    """A value that cannot be written as JSON; the message names its place and its type."""


class ResultTooLarge(ValueError):
    """A result that takes more than `MAX_RESULT_BYTES`."""


def result_of(value: Any, largest: int) -> Any:
    """Return what a task has returned as JSON holds it, and kombu's JSON.

    Args:
        value: What it has returned.
        largest: The bytes that it may take.

    Raises:
        NotSerializable, ResultTooLarge: It cannot be a result.
    """
    if isinstance(value, ResultBase):
        known: Any = value
        value = known.as_tuple()
    try:
        # Most results are plain already, and this costs least. Halves of characters are escaped like whole ones.
        text = json.dumps(value, allow_nan=False)
        is_plain = "\\ud" not in text and not is_deep(value, text.encode(), DEEPEST)
    except (TypeError, ValueError, RecursionError):
        is_plain = False
    if not is_plain:
        value = plain(value, "result")
        text = kombu_dumps(value)
    if len(text) > largest:
        message = f"the result takes {len(text)} bytes, and {largest} are allowed (MAX_RESULT_BYTES)"
        raise ResultTooLarge(message)
    return value


def plain(value: Any, name: str) -> Any:
    """Return a value in the types that JSON has, or kombu's JSON.

    Args:
        value: Anything.
        name: What an error calls it.

    Raises:
        NotSerializable: Pydantic cannot serialise it, or JSON does not have it: `NaN`, for one.
    """
    return _plain(value, name, ())


def refuse_infinity(value: Any, place: str) -> None:
    """Look for what pydantic would write as null: a float that is no number, or infinite.

    Raises:
        NotSerializable: There is one.
    """
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(value, place, f"is {value}, which JSON does not have")
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_infinity(item, f"{place}.{key}")
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            refuse_infinity(item, f"{place}[{index}]")


def dumps(value: Any) -> str:
    """Write arguments, results and whatever else Celery sends.

    Raises:
        NotSerializable: It cannot be written.
    """
    try:
        return kombu_dumps(value)
    except TypeError:
        return kombu_dumps(plain(value, "value"))


def install() -> None:
    """Let kombu and Celery write JSON like this; `json` stays its name."""
    register("json", dumps, loads, content_type="application/json", content_encoding="utf-8")


def storable(text: str) -> str:
    """Return a text that every store takes, and every answer."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def name_of(error: BaseException) -> str:
    """Return the name of an error's class."""
    return storable(type(error).__name__.rpartition(".")[2])[:LONGEST_NAME] or Exception.__name__


def message_of(error: BaseException) -> str:
    """Return an error's message, as far as it has one that can be shown."""
    try:
        return storable(str(error)[:LONGEST_MESSAGE])
    except Exception:
        return NO_MESSAGE


def lasting(error: BaseException) -> Exception:
    """Return an error that arrives in another process as it is, or another one with its name and its message.

    Celery would send on an error of another class: of the nearest base class that can be pickled, or of a wrapper.
    """
    try:
        if isinstance(error, Exception) and type(pickle.loads(pickle.dumps(error))) is type(error):  # noqa: S301
            return error
    except Exception:
        # Whatever its own methods raise.
        return stand_in(name_of(error), message_of(error))
    return stand_in(name_of(error), message_of(error))


def stand_in(name: str, message: str) -> Exception:
    """Return an error of a class that is made for it, which can be pickled all the same."""

    def reduce(_: Exception) -> Any:
        return stand_in, (name, message)

    made: type[Exception] = type(name, (Exception,), {"__module__": __name__, "__reduce__": reduce})
    return made(message)


def _plain(value: Any, place: str, around: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, MARKED):
        return value
    if isinstance(value, str):
        return value if _is_text(value) else _refuse(value, place, "is no text: half of a character stands in it")
    if isinstance(value, int):
        return value if _can_be_written(value) else _refuse(value, place, "has too many digits")
    if isinstance(value, float):
        refuse_infinity(value, place)
        return value
    if isinstance(value, bytes):
        return value if _is_utf8(value) else _refuse(value, place, "is not UTF-8")
    if id(value) in around:
        _refuse(value, place, "contains itself")
    if len(around) >= DEEPEST:
        _refuse(value, place, f"is nested deeper than {DEEPEST} levels")
    around = (*around, id(value))
    if isinstance(value, dict):
        return {_key(key, place): _plain(item, f"{place}.{key}", around) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | deque | GeneratorType):
        return [_plain(item, f"{place}[{index}]", around) for index, item in enumerate(value)]
    return _plain(_jsonable(value, place, around), place, around)


def _jsonable(value: Any, place: str, around: tuple[int, ...]) -> Any:
    """Return what pydantic, or the value itself in kombu's way, makes of an object."""
    if callable(own := getattr(value, "__json__", None)) and not isinstance(value, type):
        return own()
    try:
        found = ANYTHING.dump_python(value, mode="json", by_alias=True)
        if isinstance(value, BaseModel):
            # A field of type `Any` would turn what is no number into null.
            refuse_infinity(value.model_dump(), place)
    except NotSerializable:
        raise
    except Exception as error:
        # One of its parts may be what cannot be written.
        if isinstance(value, BaseModel) or is_dataclass(value):
            for name, item in vars(value).items():
                _plain(item, f"{place}.{name}", around)
        _refuse(value, place, f"cannot be written as JSON ({error})")
    return found


def _key(key: Any, place: str) -> Any:
    if isinstance(key, str) and not _is_text(key):
        _refuse(key, place, "is no text: half of a character stands in a key")
    if key is None or isinstance(key, str | int | float):
        return key
    try:
        return next(iter(ANYTHING.dump_python({key: None}, mode="json")))
    except Exception as error:
        return _refuse(key, place, f"cannot be written as a key ({error})")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _can_be_written(number: int) -> bool:
    try:
        int.__repr__(number)
    except ValueError:
        # https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
        return False
    return True


def _refuse(value: Any, place: str, problem: str) -> Any:
    if len(place) > LONGEST_PLACE:
        place = f"{place[:LONGEST_PLACE]}…"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    message = f"{place} ({name}) {problem}"
    raise NotSerializable(message) from None
