"""A backup of PostgreSQL, beside what a shell would do: seconds and memory, in the same run."""

import os
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from tests.boot.processes import Process

from .report import Report, spread
from .rig import Contender, Rig

MIB = int(os.environ.get("FORGE_BENCH_MIB", "200"))
BACKUP_SECONDS = 3600.0
PIPELINE = 'pg_dump --no-owner --no-privileges --dbname="$ADDRESS" | gzip > pipeline.gz'


def measure(rig: Rig, report: Report, rounds: int, scale: float) -> None:
    """Add a table."""
    project = rig.generated("generated, backup", database="postgresql", beat="file")
    filled = project.script("rows.py", max(1, int(MIB * scale)))
    address = urlsplit(project.environment["DATABASE_URL"])
    place = project.root.parent / "backups"
    shell = project.with_environment(
        ADDRESS=f"postgresql://{address.username}@{address.hostname}:{address.port}{address.path}",
        PGPASSWORD=unquote(address.password or ""),
    )
    backup = project.with_environment(BACKUP_DIRECTORY=str(place))
    commands: dict[str, tuple[Contender, list[str]]] = {
        "`pg_dump \\| gzip`": (shell, ["sh", "-c", PIPELINE]),
        "`app backup`": (backup, ["python", "-m", "app", "backup"]),
    }
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (contender, command) in commands.items():
            taken[name].append(_run(contender, command))
    report.say(
        f"## A backup\n\nPostgreSQL, a table of {filled['mib']:,.0f} MiB in {filled['rows']:,} rows, {rounds} rounds,"
        " best / median; resident MiB at the peak of the first process, and of all that it started"
    )
    report.table(
        ["", "seconds", "first process", "all"],
        [[name, *(spread(values, digits) for values, digits in zip(zip(*runs, strict=True), (1, 0, 0), strict=True))]
         for name, runs in taken.items()],
    )  # fmt: skip
    sizes = {"`app backup`": max(place.glob("*.gz")), "`pg_dump \\| gzip`": project.root / "pipeline.gz"}
    report.say(", ".join(f"{name} wrote {path.stat().st_size / 2**20:,.1f} MiB" for name, path in sizes.items()) + ".")


def _run(contender: Contender, command: list[str]) -> tuple[float, float, float]:
    """Run a command; return its seconds, and the peaks of its memory."""
    started = time.perf_counter()
    first = everything = 0.0
    with Process(command, cwd=contender.root, environment=contender.environment, log=_log(contender)) as process:
        while process.process.poll() is None:
            sizes = {member.pid: _rss(member) for member in process.family()}
            first = max(first, sizes.get(process.process.pid, 0.0))
            everything = max(everything, sum(sizes.values()))
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        assert process.process.returncode == 0, process.output()
    return seconds, first, everything


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _log(contender: Contender) -> Path:
    return contender.root.parent / "backup.log"
