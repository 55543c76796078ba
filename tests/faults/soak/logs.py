"""What the processes' logs say of a job, to explain what has happened to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

LONGEST = 400  # characters of a message


def lines_about(task_id: str, logs: Mapping[str, Path]) -> Iterator[tuple[float, str]]:
    """Yield what was logged, and when, except the requests of clients, which the ledger knows."""
    for name, path in logs.items():
        for text in path.read_text(errors="replace").splitlines():
            if task_id in text:
                with suppress(ValueError, KeyError):  # a line that is none of the project's own
                    line = json.loads(text)
                    if line["logger"] != "uvicorn.access":
                        message = f"{line['message']} {line.get('exc_info', '')[-LONGEST:]}".strip()
                        at = datetime.fromisoformat(line["timestamp"]).timestamp()
                        yield at, f"{name}: {message[:LONGEST]}".replace("\n", " ")
