"""A hundred thousand tasks through one worker, and its memory meanwhile."""

import threading
from pathlib import Path

import psutil

from tests.boot.polling import wait_for
from tests.boot.processes import Process

from .draining import CONCURRENCY
from .report import Report
from .rig import Contender, Rig

DRAIN_SECONDS = 1200.0


class Memory(threading.Thread):
    """The resident memory of a worker's first process, and of all its processes, in MiB, once a second."""

    def __init__(self, worker: Process) -> None:
        super().__init__(daemon=True)
        self.worker = worker
        self.samples: list[tuple[float, float]] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(1):
            sizes = {process.pid: _rss(process) for process in self.worker.family()}
            main = sizes.get(self.worker.process.pid, 0.0)
            self.samples.append((main, sum(sizes.values())))


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def measure(rig: Rig, report: Report, _: int, scale: float) -> None:
    """Add a table of memory for the bare application and for the generated project."""
    count = int(100_000 * scale)
    report.say(
        f"## {count:,} tasks\n\nRedis, {CONCURRENCY} processes, each replaced after 1,000 tasks, the memory read every"
        " second; resident MiB of the first process / of all"
    )
    generated = rig.generated("generated, Redis")
    bare = rig.bare("naive, Redis", generated)
    compared = {
        "bare": bare.with_environment(BARE="replaced"),
        "bare with the project's time limits": bare.with_environment(BARE="limits replaced"),
        "generated": generated,
    }
    report.table(
        ["", "tasks/s", "at the start", "after 1/4", "after 1/2", "after 3/4", "at the end", "peak"],
        [[name, *_soak(contender, count)] for name, contender in compared.items()],
    )


def _soak(contender: Contender, count: int) -> list[str]:
    contender.empty()
    marks = contender.root.parent
    for mark in ("first", "last"):
        marks.joinpath(mark).unlink(missing_ok=True)
    between = contender.script("fill.py", "delay", "noop", count, marks)["between"]
    command = ("-A", contender.celery, "worker", "--loglevel", "INFO", "--concurrency", str(CONCURRENCY))
    with contender.start("celery", *command) as worker:
        memory = Memory(worker)
        wait_for("the worker has begun", marks.joinpath("first").exists, within=DRAIN_SECONDS)
        memory.start()
        wait_for("the worker has ended", marks.joinpath("last").exists, within=DRAIN_SECONDS)
        memory.over.set()
        memory.join()
        worker.terminate()
        worker.exit_code(within=30)
    seconds = _time(marks / "last") - _time(marks / "first")
    samples = memory.samples
    chosen = [samples[round((len(samples) - 1) * share)] for share in (0, 0.25, 0.5, 0.75, 1)]
    chosen.append((max(main for main, _ in samples), max(everything for _, everything in samples)))
    return [f"{between / seconds:,.0f}", *(f"{main:.1f} / {everything:.1f}" for main, everything in chosen)]


def _time(mark: Path) -> float:
    return float(mark.read_text())
