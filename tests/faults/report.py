"""The figures of projects under stress, written by the controller at the end of a run into `build/fault-results.md`."""

import os
from pathlib import Path

import pytest

PROPERTY = "fault"
"""The name under which a test hands its figures to the controller."""


FOLDERS = ("tests/backups/", "tests/faults/", "tests/schedules/")


class FaultReport:
    """What every such test has reported so far."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the outcome of such a test; a worker's arrives here too."""
        if not report.nodeid.startswith(FOLDERS) or (report.when != "call" and report.passed):
            return
        figures = "; ".join(str(value) for name, value in report.user_properties if name == PROPERTY)
        name = report.nodeid.rpartition("::")[2]
        self.rows.append((name.removeprefix("test_"), report.outcome, report.duration, figures))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the table, if such a test has run."""
        if not self.rows:
            return
        directory = Path(os.environ.get("FORGE_BOOT_REPORT") or session.config.rootpath / "build")
        directory.mkdir(parents=True, exist_ok=True)
        lines = ["# Faults", "", "| what happens | outcome | seconds | figures |", "| --- | --- | ---: | --- |"]
        lines += [
            f"| {name.replace('_', ' ')} | {outcome} | {seconds:.1f} | {figures} |"
            for name, outcome, seconds, figures in sorted(self.rows)
        ]
        (directory / "fault-results.md").write_text("\n".join(lines) + "\n")
