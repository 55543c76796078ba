"""Many tasks through one worker, which must not grow with their number."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from .running import Figures
from .stage import Stage

pytestmark = [pytest.mark.faults, pytest.mark.on("redis")]

TASKS = int(os.environ.get("FORGE_FAULT_TASKS", "10000"))
ENDED_SECONDS = 1200.0
GROWTH_MIB = 32.0

PUSH_MANY = """
from app.jobs.service import JobsService
jobs = JobsService()
for number in range({tasks}):
    jobs.push_task("app.tasks.fault_probe.note", {organization!r}, path={path!r}, line=str(number))
"""


def test_a_worker_does_not_grow_with_the_number_of_tasks(stage: Stage, figures: Figures) -> None:
    traces = stage.path()
    worker = stage.start_worker()
    began = time.monotonic()
    source = PUSH_MANY.format(organization=stage.organization, path=str(traces), tasks=TASKS)
    push = stage.start("push", "python", "-c", source)

    samples: list[tuple[int, float]] = []
    pushed = 0.0
    while (done := count(traces)) < TASKS:
        assert time.monotonic() < began + ENDED_SECONDS, f"{done} of {TASKS} have run"
        if push.process.poll() is not None and not pushed:
            assert push.process.returncode == 0, push.output()
            pushed = time.monotonic() - began
        samples.append((done, memory(worker.family())))
        time.sleep(0.5)
    drained = time.monotonic() - began

    first = max(size for done, size in samples if done <= TASKS / 4)
    last = max(size for done, size in samples if done >= TASKS * 3 / 4)
    figures(
        f"{TASKS} tasks: pushed in {pushed or drained:.0f} s, all run after {drained:.0f} s; a worker of two processes "
        f"took {first:.0f} MiB at most in the first quarter, {last:.0f} MiB in the last"
    )
    assert len(set(traces.read_text().splitlines())) == TASKS
    assert last - first < GROWTH_MIB


def count(path: Path) -> int:
    """Return how many lines tasks have left."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def memory(processes: Sequence[psutil.Process]) -> float:
    """Return what processes take, in MiB; what they share is counted for each."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20
