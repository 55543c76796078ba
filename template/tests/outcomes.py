"""What tasks return and raise, each by a name; the worker of the tests includes these tasks."""

import asyncio
import uuid
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

from celery import chain, chord
from pydantic import BaseModel, Field

from app.core.celery import celery_app
from app.tasks.base import BaseTask


class Color(Enum):
    """An enumeration."""

    RED = "red"


class Size(IntEnum):
    """An enumeration of numbers."""

    LARGE = 3


class Item(BaseModel):
    """A model, a field of which has another name in JSON."""

    name: str
    price: Any = Field(default=1.5, alias="unitPrice")
    color: Color = Color.RED


@dataclass
class Box:
    """A dataclass."""

    content: Any
    day: date = date(2026, 1, 2)


Point = namedtuple("Point", "x y")


class OwnWay:
    """What says itself how kombu is to write it."""

    def __json__(self) -> dict[str, Any]:
        return {"own": Color.RED}


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def circle() -> list[Any]:
    value: list[Any] = []
    value.append({"again": value})
    return value


DAY = "2026-01-02"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NUMBER = uuid.UUID("00000000-0000-0000-0000-000000000007")

# What a task returns, and what a caller gets.
RETURNED: dict[str, tuple[Callable[[], Any], Any]] = {
    "nothing": (lambda: None, None),
    "a model": (lambda: Item(name="x", unitPrice=2), {"name": "x", "unitPrice": 2, "color": "red"}),
    "models": (lambda: {"items": [Item(name="x")]}, {"items": [{"name": "x", "unitPrice": 1.5, "color": "red"}]}),
    "enumerations": (lambda: [Color.RED, Size.LARGE, {Color.RED: 1}], ["red", 3, {"red": 1}]),
    "a dataclass": (lambda: Box([Box(Color.RED)]), {"content": [{"content": "red", "day": DAY}], "day": DAY}),
    "a named tuple": (lambda: Point(1, Color.RED), [1, "red"]),
    "a set": (lambda: {"a"}, ["a"]),
    "a deque": (lambda: deque([1, frozenset({2})]), [1, [2]]),
    "a generator": (lambda: (number * number for number in range(3)), [0, 1, 4]),
    "times": (lambda: [MOMENT, MOMENT.date(), timedelta(hours=1)], ["2026-01-02T03:04:05Z", DAY, "PT1H"]),
    "numbers": (lambda: [Decimal("1.10"), 2**80, NUMBER], ["1.10", 2**80, str(NUMBER)]),
    "text in bytes": (lambda: b"caf\xc3\xa9", "café"),
    "NUL and signs": (lambda: "a\0b \U0001f600", "a\0b \U0001f600"),
    "keys": (lambda: {1: "a", (1, 2): "b", MOMENT.date(): "c"}, {"1": "a", "1,2": "b", DAY: "c"}),
    "a path": (lambda: Path("a/b"), "a/b"),
    "its own way": (lambda: [OwnWay()], [{"own": "red"}]),
    "a hundred levels": (lambda: nested(100), nested(100)),
    "what looks marked": (lambda: {"__type__": 1}, {"__type__": 1}),
}
# What a task returns that cannot be a result, and how the error begins.
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no text": (lambda: {"a": ["\udc80"]}, "result.a[0] (str) is no text"),
    "no text as a key": (lambda: [{"\udc80": 1}], "result[0] (str) is no text"),
    "no UTF-8": (lambda: {"photo": b"\xff"}, "result.photo (bytes) is not UTF-8"),
    "not a number": (lambda: {"mean": float("nan")}, "result.mean (float) is nan, which JSON does not have"),
    "infinity": (lambda: [1.0, float("-inf")], "result[1] (float) is -inf, which JSON does not have"),
    "not a number in a model": (lambda: [Item(name="x", unitPrice=float("nan"))], "result[0].price (float) is nan"),
    "an object": (lambda: {"a": object()}, "result.a (object) cannot be written as JSON"),
    "an object in a dataclass": (lambda: Box({"x": object()}), "result.content.x (object) cannot"),
    "a class": (lambda: [Item], "result[0] (pydantic._internal._model_construction.ModelMetaclass) cannot"),
    "a function": (lambda: nested, "result (function) cannot"),
    "an object as a key": (lambda: {object(): 1}, "result (object) cannot be written as a key"),
    "levels without end": (lambda: nested(5000), "result[0]"),
    "a circle": (circle, "result[0].again (list) contains itself"),
    "digits": (lambda: {"n": 10**5000}, "result.n (int) has too many digits"),
    "five megabytes": (lambda: "x" * 5_000_000, "the result takes 5000002 bytes, and "),
    "many models": (lambda: [Item(name="x" * 1000)] * 1100, "the result takes 11"),
}


class Refusal(Exception):
    """An error with a constructor of its own."""

    def __init__(self, order: int, *, reason: str) -> None:
        super().__init__(f"order {order}: {reason}")


class Twice(Exception):
    """An error that says something else when it is made of what it has kept."""

    def __init__(self, order: int | str) -> None:
        super().__init__(f"no order {order}")


class Refused(ValueError, Refusal):
    """One with base classes that can be pickled."""

    def __init__(self, order: int, *, reason: str) -> None:
        Refusal.__init__(self, order, reason=reason)


class Mute(Exception):
    """An error without a message."""

    def __str__(self) -> str:
        raise RuntimeError


class NotPickled(Exception):
    """An error that does not want to be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError


class Stop(BaseException):
    """No error in Python's sense."""


def local() -> Exception:
    class LocalError(Exception):
        pass

    return LocalError("from a function")


def group() -> Exception:
    return ExceptionGroup("two of them", [ValueError("a"), Refusal(1, reason="b")])


def caused() -> Exception:
    error = Refusal(7, reason="no money")
    error.__cause__ = ValueError("the bank")
    return error


# What a task raises, and what a caller is told.
RAISED: dict[str, tuple[Callable[[], BaseException], str, str]] = {
    "a constructor of its own": (lambda: Refusal(7, reason="no money"), "Refusal", "order 7: no money"),
    "a message of its own": (lambda: Twice(7), "Twice", "no order 7"),
    "base classes": (lambda: Refused(7, reason="no money"), "Refused", "order 7: no money"),
    "a group": (group, "ExceptionGroup", "two of them (2 sub-exceptions)"),
    "a class in a function": (local, "LocalError", "from a function"),
    "no message": (Mute, "Mute", "The error has no message that can be shown."),
    "a model": (lambda: ValueError(Item(name="x")), "ValueError", "name='x' price=1.5 color=<Color.RED: 'red'>"),
    "an object": (lambda: ValueError(lambda: 1), "ValueError", "<function <lambda>"),
    "no pickle": (lambda: NotPickled("x"), "NotPickled", "x"),
    "a cause": (caused, "Refusal", "order 7: no money"),
    "no text": (lambda: ValueError("a\0b\udc80"), "ValueError", "a\ufffdb?"),
    "five megabytes": (lambda: ValueError("x" * 5_000_000), "ValueError", "x" * 10_000),
    "signs": (lambda: ValueError("Ошибка 😀"), "ValueError", "Ошибка 😀"),
    "levels without end": (lambda: ValueError(nested(5000)), "ValueError", "The error has no message"),
    "bytes": (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text"), "UnicodeDecodeError", "'utf-8' codec"),
    "a file": (lambda: FileNotFoundError(2, "No such file", "x"), "FileNotFoundError", "[Errno 2] No such file: 'x'"),
    "a key": (lambda: KeyError("x"), "KeyError", "'x'"),
    "cancelled": (asyncio.CancelledError, "CancelledError", ""),
    "no error": (lambda: Stop("now"), "Stop", "now"),
    "an end": (lambda: SystemExit(3), "SystemExit", "3"),
    "an interrupt": (lambda: KeyboardInterrupt("x"), "KeyboardInterrupt", "x"),
}


@celery_app.task(public=True)
def give(what: str) -> Any:
    """Return something."""
    return (RETURNED | REFUSED)[what][0]()


@celery_app.task(public=True)
async def give_later(what: str) -> Any:
    """Return something from the event loop."""
    return (RETURNED | REFUSED)[what][0]()


@celery_app.task(public=True, dead_letter=True)
def fail(what: str) -> None:
    """Raise something."""
    raise RAISED[what][0]()


@celery_app.task
async def fail_later(what: str) -> None:
    """Raise something in the event loop."""
    raise RAISED[what][0]()


@celery_app.task(max_retries=1, autoretry_for=(Exception,))
def fail_again(what: str) -> None:
    """Raise something that is worth another try."""
    raise RAISED[what][0]()


@celery_app.task(ignore_result=True)
def give_for_nobody() -> Any:
    """Return what nobody asks for."""
    return object()


@celery_app.task
def name(item: Item, moment: datetime, rest: list[Item], anything: Any = None) -> list[Any]:
    """Name the types of what comes from a task or a signature."""
    return [type(value).__name__ for value in (item, moment, rest[0], anything)]


@celery_app.task
def item(name: str) -> Item:
    """Return a model."""
    return Item(name=name)


@celery_app.task
def prices(items: list[Item]) -> Iterator[Any]:
    """Return the prices of models."""
    return (each.price for each in items)


@celery_app.task(bind=True)
def go_on(self: BaseTask) -> None:
    """Go on as tasks that pass on models, in a chain and in a chord."""
    last = chain(item.s("x"), name.s(MOMENT, [Item(name="y")], anything=Color.RED))
    first = chord([item.s("a"), item.s("b")], prices.s())
    raise self.replace(chain(first, last_of.s(last)))


@celery_app.task(bind=True)
def last_of(self: BaseTask, found: list[Any], last: Any) -> None:
    """Go on as another chain, if what came is right."""
    assert found == [1.5, 1.5]
    raise self.replace(celery_app.signature(last))


@celery_app.task(bind=True)
def report(self: BaseTask) -> None:
    """Tell how far it has come, in values of all kinds, and fail at what cannot be told."""
    self.progress(1, 2, "\udc80" * 3)
    self.update_state(state="PROGRESS", meta={"current": Decimal(1), "total": Size.LARGE, "of": Item(name="x")})
    self.progress(0, float("nan"))
