"""An `async def` task beside a `def` task, both doing nothing: in a worker, and called in one process."""

from .draining import Case, Drained, drain
from .report import Report, spread
from .rig import Rig

KINDS = {"noop": "`def` task", "noop_async": "`async def` task"}
WITHOUT_CELERY = {
    "asyncio.run": "no task: `asyncio.run`",
    "thread": "no task: `run_coroutine_threadsafe(...).result()`",
}
LABELS = KINDS | WITHOUT_CELERY
HEAD = ["", "wall", "more than `def`", "CPU", "more than `def`"]


def measure(rig: Rig, report: Report, rounds: int, scale: float) -> None:
    """Add both tables."""
    count = max(500, int(5000 * scale))
    project = rig.generated("generated, Redis")
    drained: dict[str, list[Drained]] = {kind: [] for kind in KINDS}
    called: dict[str, list[dict[str, float]]] = {kind: [] for kind in LABELS}
    for _ in range(rounds):
        for kind, runs in drained.items():
            runs.append(drain(rig, Case(kind, project, task=kind), count, concurrency=1))
        for kind, cost in project.script("call.py", 4 * count).items():
            called[kind].append(cost)
    report.say(
        "## `async def` tasks\n\n"
        f"In a worker of one process, Redis, {rounds} rounds of {count:,} tasks; microseconds for each, best / median"
    )
    report.table(HEAD, _rows({kind: [(run.wall, run.worker) for run in runs] for kind, runs in drained.items()}))
    report.say(f"Called in one process, {rounds} rounds of {4 * count:,} calls; the same units")
    report.table(HEAD, _rows({kind: [(run["wall"], run["cpu"]) for run in runs] for kind, runs in called.items()}))


def _rows(measured: dict[str, list[tuple[float, float]]]) -> list[list[str]]:
    plain = list(zip(*measured["noop"], strict=True))
    rows = []
    for kind, runs in measured.items():
        row = [LABELS[kind]]
        for costs, others in zip(zip(*runs, strict=True), plain, strict=True):
            row += [spread(costs, 1), spread([cost - other for cost, other in zip(costs, others, strict=True)], 1)]
        rows.append(row)
    return rows
