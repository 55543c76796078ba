"""Tasks that do nothing, thousands of them waiting: how many a worker runs in a second."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.boot.polling import wait_for

from .report import Report, ratio, spread
from .rig import BROKERS, Contender, Rig, cpu

CONCURRENCY = 2
DRAIN_SECONDS = 300.0
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Drained:
    """The microseconds of one task: by the clock, and of the CPU in the worker and in the broker."""

    wall: float
    worker: float
    broker: float

    @property
    def rate(self) -> float:
        """Tasks in a second."""
        return 1e6 / self.wall


@dataclass(frozen=True)
class Case:
    """Which tasks are sent how, and to whom."""

    label: str
    contender: Contender
    way: str = "delay"
    task: str = "noop"


def drain(rig: Rig, case: Case, count: int, concurrency: int = CONCURRENCY) -> Drained:
    """Enqueue tasks, start a worker, and time it between two tasks that say when they run."""
    contender = case.contender
    contender.empty()
    marks = contender.root.parent
    first, last = marks / "first", marks / "last"
    for mark in (first, last):
        mark.unlink(missing_ok=True)
    between = contender.script("fill.py", case.way, case.task, count, marks)["between"]
    broker = rig.server(contender.broker)
    command = ("-A", contender.celery, "worker", "--loglevel", "INFO", "--concurrency", str(concurrency))
    with contender.start("celery", *command) as worker:

        def used_when(mark: Path) -> tuple[float, float]:
            wait_for(
                f"{contender.name} runs the {mark.name} task", mark.exists, within=DRAIN_SECONDS, every=POLL_SECONDS
            )
            return cpu(worker.family()), cpu(broker)

        before, after = used_when(first), used_when(last)
        worker.terminate()
        worker.exit_code(within=30)
    wall = float(last.read_text()) - float(first.read_text())
    worker_cpu, broker_cpu = (later - earlier for earlier, later in zip(before, after, strict=True))
    return Drained(*(seconds / between * 1e6 for seconds in (wall, worker_cpu, broker_cpu)))


def cases(rig: Rig, broker: str) -> Iterator[Case]:
    """Yield what is compared on a broker; the first is the reference."""
    if broker == "redis":
        generated = rig.generated("generated, Redis")
        bare = rig.bare("naive, Redis", generated)
    else:
        generated = rig.generated("generated, RabbitMQ", broker="rabbitmq")
        bare = rig.bare("naive, RabbitMQ with confirms", generated, "confirms")
    yield Case("bare", bare)
    # While a process is replaced, the worker has one less, for up to 5 s.
    lasting = generated.with_environment(CELERY_WORKER_MAX_TASKS_PER_CHILD="1000000")
    yield Case("bare with the project's time limits", bare.with_environment(BARE=f"{bare.environment['BARE']} limits"))
    yield Case("generated, by `.delay`", lasting)
    yield Case("generated, by `push_task`", lasting, "push_task")
    if broker == "redis":
        with_database = rig.generated("generated, Redis, PostgreSQL", database="postgresql")
        with_database = with_database.with_environment(CELERY_WORKER_MAX_TASKS_PER_CHILD="1000000")
        yield Case("generated, by `push_task`, record in PostgreSQL", with_database, "push_task")
    yield Case("generated, processes replaced after 1,000 tasks", generated)


def measure(rig: Rig, report: Report, rounds: int, scale: float) -> None:
    """Add a table for each broker."""
    count = max(500, int(5000 * scale))
    report.say(
        f"## A worker\n\n{rounds} rounds of {count:,} tasks that do nothing, {CONCURRENCY} processes, results in Redis;"
        " all tasks are enqueued before the worker starts. Best / median."
    )
    for broker, title in BROKERS.items():
        compared = list(cases(rig, broker))
        measured: dict[str, list[Drained]] = {case.label: [] for case in compared}
        for _ in range(rounds):
            for case in compared:
                measured[case.label].append(drain(rig, case, count))
        reference = measured[compared[0].label]
        head = [f"on {title}", "tasks/s", "x", "worker CPU µs/task", "x CPU", "broker CPU µs/task"]
        report.table(head, [_row(label, runs, reference) for label, runs in measured.items()])


def _row(label: str, runs: list[Drained], reference: list[Drained]) -> list[str]:
    rates, cpu_times = [run.rate for run in runs], [run.worker for run in runs]
    return [
        label,
        spread(rates, higher_is_better=True),
        ratio(rates, [run.rate for run in reference]),
        spread(cpu_times),
        ratio(cpu_times, [run.worker for run in reference]),
        spread([run.broker for run in runs]),
    ]
