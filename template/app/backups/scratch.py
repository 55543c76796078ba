"""Names of scratch databases."""

import re
import time
from collections.abc import Iterable

# A database that is called `app` gets `app_drill_67f1a2b3`: the digits are the time of its making.
MARK = "_drill_"
LONGEST = 63 - len(MARK) - 8  # what every server takes
A_DAY = 86_400


def named(database: str | None) -> str:
    """Return the name of a new scratch database."""
    return f"{_begin(database)}{int(time.time()):08x}"


def forgotten(database: str | None, existing: Iterable[str]) -> list[str]:
    """Return the scratch databases of drills that were killed, a day ago or longer."""
    pattern = re.compile(re.escape(_begin(database)) + "([0-9a-f]{8})")
    found = {name: match for name in existing if (match := pattern.fullmatch(name))}
    return [name for name, match in found.items() if int(match[1], 16) < time.time() - A_DAY]


def _begin(database: str | None) -> str:
    return f"{database or ''}"[:LONGEST] + MARK
