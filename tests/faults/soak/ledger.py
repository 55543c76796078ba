"""What clients have asked for, and what they were told."""

import itertools
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class Promise(Enum):
    """What a client may rely on."""

    UNKNOWN = "it may run"  # the answer was an error, or there was none
    ACCEPTED = "it runs, unless it is cancelled"
    ROLLED_BACK = "it never runs"


@dataclass
class Cancel:
    """A request to cancel a job, and the answer; the code is zero where there was none."""

    asked: float
    answered: float
    code: int


@dataclass
class Seen:
    """A status that somebody was told, and when the question was asked and answered."""

    asked: float
    answered: float
    status: str
    by: str


@dataclass
class Push:
    """A job that somebody wanted, which has a number of its own.

    Attributes:
        ids: Under which it was accepted; with one key, there is one, however often it was sent.
        asked: When somebody has asked for it, more than once with a key.
        not_before: When its body may begin at the earliest.
        replays: When it was sent again from the dead letters, or may have been.
    """

    number: int
    task: str
    arguments: dict[str, Any]
    key: str | None = None
    not_before: float = 0.0
    asked: list[float] = field(default_factory=list)
    promise: Promise = Promise.UNKNOWN
    ids: set[str] = field(default_factory=set)
    cancels: list[Cancel] = field(default_factory=list)
    replays: list[float] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id, once it was accepted."""
        return next(iter(self.ids), "")


class Ledger:
    """Everything that was asked for in a run."""

    def __init__(self) -> None:
        self.pushes: dict[int, Push] = {}
        self.operations = Counter[str]()
        self.answers = Counter[str]()
        self.complaints: list[str] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def open(self, task: str, arguments: dict[str, Any], key: str | None = None, not_before: float = 0.0) -> Push:
        """Note that somebody is about to ask for a job."""
        with self._lock:
            number = next(self._numbers)
            push = Push(number, task, {"number": number, **arguments}, key, not_before)
            self.pushes[number] = push
        return push

    def accepted(self) -> list[Push]:
        """Return the jobs that were promised so far, oldest first."""
        with self._lock:
            return [push for push in self.pushes.values() if push.promise is Promise.ACCEPTED]

    def complain(self, what: str) -> None:
        """Note an answer that no client should get."""
        with self._lock:
            self.complaints.append(what)
