"""What the tasks have done, as they have written it down themselves."""

import json
from dataclasses import dataclass
from pathlib import Path

CHILD = 1_000_000
"""What the number of a task adds to that of the task that has sent it."""


@dataclass
class Run:
    """One time that a body was run.

    Attributes:
        task: The task's short name; another one than that of the job when it is a step of it.
        ended: When it ended; nothing when it was killed.
        how: `ends`, or `raises` and the error's type; nothing when it was killed.
        retries: Which try it was, by the message.
        redelivered: Whether the broker said that it had delivered the message before.
    """

    number: int
    id: str
    task: str
    began: float
    retries: int
    redelivered: bool
    ended: float | None = None
    how: str = ""


def read(path: Path) -> list[Run]:
    """Return every run, in the order in which they began."""
    runs: list[Run] = []
    open_runs: dict[tuple[str, str, int], Run] = {}
    for text in path.read_text().splitlines():
        line = json.loads(text)
        place = (line["id"], line["task"], line["pid"])
        if line["what"] == "begins":
            task = line["task"].rpartition(".")[2]
            run = Run(line["number"], line["id"], task, line["at"], line["retries"], line["redelivered"])
            open_runs[place] = run
            runs.append(run)
        elif place in open_runs:
            run = open_runs.pop(place)
            run.ended, run.how = line["at"], line["what"]
    return runs
