"""An endpoint that enqueues: requests per second, and what other requests see while the broker is gone."""

import asyncio
from contextlib import ExitStack

import psutil

from tests.boot.polling import wait_for

from .load import LIVE, NOTIFY, Answers, closed_loop, once, open_loop
from .report import Report, percentile, spread
from .rig import Contender, Rig, cpu, serving

CONNECTIONS = (1, 32)
WARM_UP_SECONDS = 1.0
LIVE_PERIOD = 0.02
FROZEN_SECONDS = 14.0
PATIENCE = 20.0
CROWD = 32


def contenders(rig: Rig) -> list[Contender]:
    """Return the applications whose API is measured."""
    redis = rig.generated("generated, Redis")
    rabbitmq = rig.generated("generated, RabbitMQ", broker="rabbitmq")
    return [
        rig.bare("naive, Redis", redis),
        redis,
        rig.generated("generated, Redis, PostgreSQL", database="postgresql"),
        rig.bare("naive, RabbitMQ", rabbitmq),
        rig.bare("naive, RabbitMQ with confirms", rabbitmq, "confirms"),
        rabbitmq,
    ]


def measure(rig: Rig, report: Report, rounds: int, scale: float) -> None:
    """Add the tables of requests."""
    report.say(
        "## An endpoint that enqueues\n\nOne uvicorn process; the generator, the API and the broker share the CPUs."
    )
    _healthy(rig, report, rounds, max(1.0, 3 * scale))
    _frozen(rig, report)


def _healthy(rig: Rig, report: Report, rounds: int, seconds: float) -> None:
    measured: dict[tuple[str, str, int], list[tuple[Answers, float, float]]] = {}
    with ExitStack() as stack:
        served = [(contender, *stack.enter_context(serving(contender))) for contender in contenders(rig)]
        for turn in range(-1, rounds):  # the first turn opens connections and declares queues
            for contender, process, port in served:
                broker = rig.server(contender.broker)
                api = [psutil.Process(process.process.pid)]
                for path, request in (("live", LIVE), ("notify", NOTIFY)):
                    for connections in CONNECTIONS:
                        before = cpu(api), cpu(broker)
                        time = WARM_UP_SECONDS if turn < 0 else seconds
                        answers = asyncio.run(closed_loop(port, request, connections=connections, seconds=time))
                        answers.expect(200 if path == "live" else 202)
                        used = answers, cpu(api) - before[0], cpu(broker) - before[1]
                        if turn >= 0:
                            measured.setdefault((contender.name, path, connections), []).append(used)
                contender.empty()
    for path, title in (("notify", "`POST /notify`"), ("live", "`GET /health/live`, for comparison")):
        for connections in CONNECTIONS:
            report.say(f"{title}, {connections} at a time, {rounds} rounds of {seconds:.0f} s")
            report.table(
                ["", "requests/s best / median", "p50 ms", "p99 ms", "API CPU µs/request", "broker CPU µs/request",
                 "generator's CPU"],
                [
                    _row(contender.name, measured[contender.name, path, connections]) for contender, *_ in served
                ],
            )  # fmt: skip


def _row(name: str, runs: list[tuple[Answers, float, float]]) -> list[str]:
    rates = [len(answers.seconds) / answers.wall for answers, *_ in runs]
    api = [used / len(answers.seconds) * 1e6 for answers, used, _ in runs]
    broker = [used / len(answers.seconds) * 1e6 for answers, _, used in runs]
    generator = max(answers.generator_cpu / answers.wall for answers, *_ in runs)
    return [
        name,
        spread(rates, higher_is_better=True),
        *(spread([percentile(answers.seconds, share) * 1e3 for answers, *_ in runs], 2) for share in (0.5, 0.99)),
        spread(api),
        spread(broker),
        f"{generator:.0%}",
    ]


def _frozen(rig: Rig, report: Report) -> None:
    report.say(
        f"While the broker is stopped with SIGSTOP: one call that enqueues, 5 s later {CROWD} at once; all the while"
        f" `GET /health/live` every {LIVE_PERIOD * 1e3:.0f} ms. Nobody waits longer than {PATIENCE:.0f} s. Then"
        " SIGCONT, and the time until an enqueuing call answers 202 again."
    )
    rows = []
    for contender in contenders(rig):
        with serving(contender) as (_, port):
            asyncio.run(closed_loop(port, NOTIFY, connections=8, seconds=WARM_UP_SECONDS)).expect(202)
            with rig.frozen(contender.broker):
                one, crowd, live = asyncio.run(_while_frozen(port))
            rows.append([contender.name, *_said(one), *_said(crowd), *_seen(live), _recovery(port)])
        contender.empty()
    report.table(
        ["", "one call", "answer", f"slowest of {CROWD}", "answers", "live p50", "live p99", "live unanswered",
         "recovery"],
        rows,
    )  # fmt: skip


async def _while_frozen(port: int) -> tuple[Answers, Answers, Answers]:
    one, crowd = Answers(), Answers()

    async def enqueue() -> None:
        await asyncio.sleep(0.5)
        first = asyncio.create_task(once(port, NOTIFY, one, patience=PATIENCE))
        await asyncio.sleep(5)
        await asyncio.gather(*(once(port, NOTIFY, crowd, patience=PATIENCE) for _ in range(CROWD)))
        await first

    live, _ = await asyncio.gather(
        open_loop(port, LIVE, every=LIVE_PERIOD, seconds=FROZEN_SECONDS, patience=PATIENCE), enqueue()
    )
    return one, crowd, live


def _said(answers: Answers) -> tuple[str, str]:
    statuses = ", ".join(
        f"{count} x {status}" if status else f"{count} x none" for status, count in sorted(answers.statuses.items())
    )
    return f"{max(answers.seconds):.2f} s", statuses


def _seen(answers: Answers) -> tuple[str, str, str]:
    p50, p99 = (f"{percentile(answers.seconds, share) * 1e3:,.1f} ms" for share in (0.5, 0.99))
    return p50, p99, f"{answers.statuses[0]} of {len(answers.seconds)}"


def _recovery(port: int) -> str:
    answers = Answers()

    def accepted() -> bool:
        asyncio.run(once(port, NOTIFY, answers, patience=PATIENCE))
        return bool(answers.statuses[202])

    wait_for("the API enqueues again", accepted, within=90)
    return f"{sum(answers.seconds):.2f} s"
