"""The tables of a run, on standard output as they are made and in `build/bench-results.md`."""

import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Sequence

from tests.boot.databases import PostgreSQL
from tests.boot.run import ROOT
from tests.boot.servers import find


class Report:
    """What was measured so far."""

    def __init__(self) -> None:
        self.path = ROOT / "build/bench-results.md"
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        print(f"{text}\n", flush=True)
        with self.path.open("a") as file:
            file.write(f"{text}\n\n")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table; its first column is text, the others are numbers."""
        lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
        self.say("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def spread(values: Sequence[float], digits: int = 0, *, higher_is_better: bool = False) -> str:
    """Return the best and the median of some rounds, as `best / median`."""
    best = max(values) if higher_is_better else min(values)
    return f"{best:,.{digits}f} / {statistics.median(values):,.{digits}f}"


def ratio(values: Sequence[float], reference: Sequence[float]) -> str:
    """Return the median of what one costs, in terms of the other's, with that of the extremes of single rounds."""
    rounds = [value / other for value, other in zip(values, reference, strict=True)]
    return f"{statistics.median(values) / statistics.median(reference):.2f} ({min(rounds):.2f} to {max(rounds):.2f})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not below a share of them."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def machine() -> str:
    """Return what the figures depend on: CPUs, load, and versions."""
    packages = ["celery", "kombu", "redis"]
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in packages]
    versions += [version for version in (_redis(), _rabbitmq(), _postgresql()) if version]
    return f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} before the start; {', '.join(versions)}."


def _redis() -> str:
    binary = find("redis-server")
    return f"Redis {_number(binary, '--version')}" if binary else ""


def _rabbitmq() -> str:
    # `rabbitmqctl version` starts Erlang, and wants to be root or rabbitmq.
    query = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "rabbitmq-server"], capture_output=True, text=True)
    return f"RabbitMQ {query.stdout.partition('-')[0]}" if query.returncode == 0 else ""


def _postgresql() -> str:
    binary = PostgreSQL.binary()
    return f"PostgreSQL {_number(binary, '--version')}" if binary else ""


def _number(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else "?"
