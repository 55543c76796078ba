"""The table of booted variants, written by the controller at the end of a run."""

import math
import os
from pathlib import Path

import pytest

PROPERTY = "boot"
"""The name under which a test hands its variant, checks and seconds to the controller."""


class Report:
    """What every boot test has reported so far."""

    tests = ("tests/boot/test_boot.py", "tests/updates/test_boot.py")

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.began, self.ended = math.inf, -math.inf

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the row of a variant's test; a worker's arrives here too, and a word of its crash."""
        file, _, name = report.nodeid.rstrip("]").partition("[")
        if not (name and file.startswith(self.tests)) or (report.when in {"setup", "teardown"} and report.passed):
            return
        row = {"index": len(self.rows), "name": name, "seconds": 0, "checked": ""}
        found = dict(report.user_properties).get(PROPERTY)
        if report.stop:  # a crash has no times
            self.began, self.ended = min(self.began, report.start), max(self.ended, report.stop)
        self.rows.append(row | {"outcome": report.outcome} | (found if isinstance(found, dict) else {}))

    def write(self, config: pytest.Config) -> None:
        """Write `boot-results.md`, if a boot test has run."""
        if not self.rows:
            return
        directory = Path(os.environ.get("FORGE_BOOT_REPORT") or config.rootpath / "build")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "boot-results.md").write_text(self.table())

    def table(self) -> str:
        """Return the rows as Markdown."""
        seconds = [float(str(row["seconds"])) for row in self.rows]
        wall = max(0.0, self.ended - self.began)
        passed = sum(row["outcome"] == "passed" for row in self.rows)
        lines = [
            "# Booted variants",
            "",
            f"{len(self.rows)} variants, {len(self.rows) - passed} of them not passed.",
            f"{min(seconds):.1f} to {max(seconds):.1f} s each, {sum(seconds):.0f} s in all, {wall:.0f} s by the clock.",
            "Beside each check are its seconds.",
            "",
            "| variant | outcome | seconds | checked |",
            "| --- | --- | ---: | --- |",
        ]
        rows = sorted(self.rows, key=lambda row: int(str(row["index"])))
        lines += [f"| {row['name']} | {row['outcome']} | {row['seconds']} | {row['checked']} |" for row in rows]
        return "\n".join(lines) + "\n"
