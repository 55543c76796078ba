"""`forge doctor` as a user runs it, and what it said."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60.0  # the longest that it may take, whatever stands still
TOOLS = Path(sys.executable).parent  # with uv in it
# Of projects, of git hooks, and of the Python that runs the tests.
DROPPED = ("API_", "CELERY_", "DATABASE_", "ENVIRONMENT", "FLOWER_", "GIT_", "PORT", "PYTEST", "UV_PROJECT", "VIRTUAL_")


@dataclass(frozen=True)
class Said:
    """One finding."""

    level: str
    text: str
    remedy: str | None


@dataclass(frozen=True)
class Examined:
    """What a run has found, by what was looked at, and everything that it has printed."""

    code: int
    findings: dict[str, list[Said]]
    printed: str

    def of(self, check: str) -> Said:
        """The one finding of a check."""
        assert len(self.findings.get(check, [])) == 1, self.printed
        return self.findings[check][0]

    def problems(self) -> set[str]:
        """The checks that have found a problem."""
        return {check for check, said in self.findings.items() if any(each.level == "problem" for each in said)}


def environment(**variables: str) -> dict[str, str]:
    """The environment of a user who has Forge's tools, and no settings of a project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    return {**kept, "LC_ALL": "C.UTF-8", "PATH": f"{TOOLS}{os.pathsep}{os.defpath}", **variables}


def forge(*args: str | Path, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Forge."""
    return subprocess.run(
        [TOOLS / "forge", *args],
        env=environment(**(variables or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def trusted(project: Path) -> Path:
    """A project that the user has agreed to run."""
    ran = forge("trust", project)
    assert ran.returncode == 0, ran.stderr
    return project


def doctor(project: Path, variables: Mapping[str, str] | None = None) -> Examined:
    """Examine a project; the command never ends with a traceback, and its code says whether there is a problem."""
    ran = forge("doctor", project, "--json", variables=variables)
    assert ran.stderr == ""
    found = json.loads(ran.stdout)
    findings: dict[str, list[Said]] = {}
    for each in found["findings"]:
        assert each["finding"].endswith("."), each
        assert (each["remedy"] is None) == (each["level"] == "ok"), each
        findings.setdefault(each["check"], []).append(Said(each["level"], each["finding"], each["remedy"]))
    examined = Examined(ran.returncode, findings, ran.stdout)
    assert found["problems"] == sum(said.level == "problem" for each in findings.values() for said in each)
    assert examined.code == (1 if found["problems"] else 0)
    return examined
