"""What keeps a project from running here, and how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from forge_cli.doctor import ports, project, secrecy, servers, tools
from forge_cli.doctor.findings import Diagnosis, Finding, Level
from forge_cli.doctor.probing import probe
from forge_cli.doctor.programs import stop_all
from forge_cli.doctor.surroundings import Project

__all__ = ["Diagnosis", "Finding", "Level", "examine"]


def examine(folder: Path) -> Diagnosis:
    """Look at everything that a project needs to run here.

    Args:
        folder: The root of the project.

    Returns:
        What was found.

    Raises:
        UsageError: If the directory is not a project.
    """
    found = Project.at(folder)
    with ThreadPoolExecutor() as pool:
        telling = pool.submit(probe, found)
        looking = [pool.submit(_listed, look, found) for look in (tools.look, ports.look)]
        try:
            told = telling.result()
            findings = [finding for each in looking for finding in each.result()]
        except BaseException:
            stop_all()  # or leaving the block would wait for them
            raise
    findings += project.look(found, told)
    if told:
        findings += servers.look(found, told)
    findings += secrecy.look(found, told)
    return Diagnosis(found.folder, found.name, found.environment, not found.variable("ENVIRONMENT"), findings)


def _listed(look: Callable[[Project], Iterable[Finding]], found: Project) -> list[Finding]:
    return list(look(found))
