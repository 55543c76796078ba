"""`python -m tests.bench [NAME...]`: print tables, and write them to `build/bench-results.md`."""

import argparse
import os
from collections.abc import Callable

from . import backup, coroutines, draining, new, publishing, requests, soak, update
from .report import Report, machine
from .rig import Rig

Measure = Callable[[Rig, Report, int, float], None]

MEASURES: dict[str, Measure] = {
    "requests": requests.measure,
    "publishing": publishing.measure,
    "draining": draining.measure,
    "coroutines": coroutines.measure,
    "backup": backup.measure,
    "100k": soak.measure,
}
COMMANDS: dict[str, Callable[[Report], None]] = {"new": new.measure, "update": update.measure}
LONG = {"100k"}


def main() -> None:
    """Run what the command line names; everything but the long ones when it names nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = [*COMMANDS, *MEASURES]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (default: 3)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="shorten every round, to try the benchmarks themselves"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    chosen = arguments.names or [name for name in names if name not in LONG]

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process compiles its libraries again
    report = Report()
    report.say(f"# Benchmarks\n\n{machine()}")
    for name in chosen:
        if name in COMMANDS:
            COMMANDS[name](report)
    if set(chosen) & set(MEASURES):
        with Rig() as rig:
            for name in chosen:
                if name in MEASURES:
                    MEASURES[name](rig, report, arguments.rounds, arguments.scale)


if __name__ == "__main__":
    main()
