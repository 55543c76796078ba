"""One call that enqueues, in one thread of one process: the project's ways beside Celery's own."""

from collections.abc import Iterator
from statistics import median

from .report import Report, ratio, spread
from .rig import BROKERS, Contender, Rig

HEAD = ["wall", "CPU", "x wall", "x CPU", "record: wall", "CPU", "x wall without it", "x CPU without it"]

Case = tuple[str, Contender, str]


def cases(rig: Rig, broker: str) -> Iterator[Case]:
    """Yield what is compared on a broker; the first is the reference."""
    title = BROKERS[broker]
    generated = rig.generated(f"generated, {title}", broker=broker)
    if broker == "redis":
        yield "bare `apply_async`", rig.bare("naive, Redis", generated), "delay"
    else:
        yield (
            "bare `apply_async`, quorum queue with confirms",
            rig.bare("naive, RabbitMQ with confirms", generated, "confirms"),
            "delay",
        )
        yield "bare `apply_async`, Celery's defaults", rig.bare("naive, RabbitMQ", generated), "delay"
    yield "generated `apply_async`", generated, "delay"
    yield "generated `push_task`, record in Redis", generated, "push_task"
    for database, name in {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.items():
        with_database = rig.generated(f"generated, {title}, {name}", broker=broker, database=database)
        yield f"generated `push_task`, record in {name}", with_database, "push_task"


def measure(rig: Rig, report: Report, rounds: int, scale: float) -> None:
    """Add a table for each broker."""
    count = max(200, int(3000 * scale))
    report.say(f"## One call that enqueues\n\n{rounds} rounds of {count:,} calls, microseconds for each, best / median")
    for broker, title in BROKERS.items():
        compared = list(cases(rig, broker))
        measured: dict[str, list[dict[str, float]]] = {label: [] for label, *_ in compared}
        for _ in range(rounds):
            for label, contender, way in compared:
                measured[label].append(contender.script("publish.py", way, count))
                contender.empty()
        reference = measured[compared[0][0]]
        head = [f"on {title}", *HEAD]
        report.table(head, [_row(label, runs, reference) for label, runs in measured.items()])


def _row(label: str, runs: list[dict[str, float]], reference: list[dict[str, float]]) -> list[str]:
    def of(name: str, among: list[dict[str, float]] = runs) -> list[float]:
        return [run[name] for run in among]

    def without_record(name: str) -> list[float]:
        return [run[name] - run[f"record_{name}"] for run in runs]

    return [
        label,
        spread(of("wall")),
        spread(of("cpu")),
        ratio(of("wall"), of("wall", reference)),
        ratio(of("cpu"), of("cpu", reference)),
        f"{median(of('record_wall')):.0f}",
        f"{median(of('record_cpu')):.0f}",
        ratio(without_record("wall"), of("wall", reference)),
        ratio(without_record("cpu"), of("cpu", reference)),
    ]
