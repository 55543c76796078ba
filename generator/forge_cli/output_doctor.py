"""What `forge doctor` prints."""

from __future__ import annotations

from forge_cli import output
from forge_cli.doctor import Diagnosis, Level


def diagnosis(found: Diagnosis, *, as_json: bool) -> None:
    """Print every finding, and what to do about those that are none too good."""
    if as_json:
        output.document(
            {
                "directory": str(found.folder),
                "project_name": found.name,
                "environment": found.environment,
                "problems": found.count(Level.PROBLEM),
                "warnings": found.count(Level.WARNING),
                "findings": [
                    {"check": each.check, "level": each.level.value, "finding": each.text, "remedy": each.remedy}
                    for each in found.findings
                ],
            }
        )
        return
    assumed = ", as nothing says otherwise" if found.assumed else ""
    output.line(f"{found.name} in `{found.folder}`, ENVIRONMENT {found.environment}{assumed}.", "")
    for each in found.findings:
        output.line(f"{each.level.value:<9}{each.text}", *([f"{'':<9}{each.remedy}"] if each.remedy else []))
    output.line("", _summary(found))


def _summary(found: Diagnosis) -> str:
    problems, warnings = found.count(Level.PROBLEM), found.count(Level.WARNING)
    counted = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((problems, "problem"), (warnings, "warning"))
        if count
    )
    if problems:
        return f"{counted}."
    ready = "Nothing keeps it from running"
    start = ": `make dev` starts it" if found.environment == "development" else ""
    return f"{ready}{start}; {counted}." if counted else f"{ready}{start}."
