"""Processes are told to stop: at once, in order, and without a mark against the tasks that they give back."""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from random import Random

import httpx
import pytest

from tests.boot.endings import EXIT_CODES
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.servers import free_port

from .relay import Relay
from .running import Figures
from .stage import START_SECONDS, Stage, lines

pytestmark = pytest.mark.faults

AT_ONCE = 3.0  # seconds
STOP_SECONDS = 30.0
AGAIN_SECONDS = 30.0
# How often each kind of process is told to stop.
STOPS = int(os.environ.get("FORGE_STOPS", "4"))
LONGEST_LIFE = 12.0  # seconds before a process is told; the others that start beside it make it slow
LOSSES = 12  # more than RabbitMQ delivers a message
# More than workers may die with a task.
RELEASES = 12 if STOPS > 10 else 5


class Stream:
    """A client that reads the events of a task until the server ends them."""

    def __init__(self, stage: Stage, address: str, task_id: str) -> None:
        self.told: list[str] = []
        self.error: Exception | None = None
        self._request = (f"{address}/tasks/{task_id}/events", stage.credential.headers)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_for("the stream has begun", lambda: self.told, within=START_SECONDS)

    def _read(self) -> None:
        url, headers = self._request
        try:
            with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
                self.told.extend(answer.iter_lines())
        except httpx.HTTPError as error:
            self.error = error

    def expect_end(self) -> None:
        """See that the stream has a proper end, after which a browser comes back."""
        self.reader.join(AT_ONCE)
        assert not self.reader.is_alive()
        assert self.error is None, self.error
        assert "retry: 1000" in self.told, self.told


@contextmanager
def held(stage: Stage) -> Iterator[str]:
    """Have a task that runs until the end of the block."""
    task_id = stage.enqueue("hold", path=stage.path(), seconds=600)
    try:
        yield task_id
    finally:
        stage.api.http.delete(f"/tasks/{task_id}")


@pytest.mark.on("redis")
def test_an_api_that_is_told_to_stop_ends_its_event_streams_at_once(stage: Stage) -> None:
    with held(stage) as task_id:
        for number in (signal.SIGTERM, signal.SIGINT):
            port = free_port()
            api = stage.start("streams", "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(port))
            address = f"http://127.0.0.1:{port}"
            wait_for("the API answers", lambda: httpx.get(f"{address}/health/live"), within=START_SECONDS)  # noqa: B023
            streams = [Stream(stage, address, task_id) for _ in range(3)]

            api.process.send_signal(number)

            assert api.exit_code(within=AT_ONCE) == {signal.SIGTERM: EXIT_CODES["api"], signal.SIGINT: 0}[number]
            for stream in streams:
                stream.expect_end()


@pytest.mark.on("redis")
def test_an_open_event_stream_does_not_keep_the_api_from_reloading(stage: Stage) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--reload", "--reload-dir", "app"]
    api = stage.start("reloads", "uvicorn", "app.main:app", *options)
    wait_for("the API answers", lambda: httpx.get(f"{address}/health/live"), within=START_SECONDS)
    with held(stage) as task_id:
        stream = Stream(stage, address, task_id)

        (stage.project.root / "app/api.py").touch()

        wait_for("it reloads", lambda: "Reloading" in api.output(), within=START_SECONDS)
        stream.expect_end()
        wait_for("the API answers", lambda: httpx.get(f"{address}/health/live"), within=START_SECONDS)
    api.terminate()
    assert api.exit_code(within=AT_ONCE) == 0


def worker(stage: Stage, **environment: str) -> Process:
    """Start a worker that is stopped as the image's are, and gives back what runs after a moment."""
    soft = {"REMAP_SIGTERM": "SIGQUIT", "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": "1"}
    return stage.start_worker("worker", **soft, **environment)


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_tasks_that_every_release_interrupts_still_complete(stage: Stage) -> None:
    process = worker(stage)
    release, traces, silent = stage.path("release"), stage.path(), stage.path()
    task_id = stage.enqueue("waits_for_release", path=traces, release=release)
    other = stage.enqueue("waits_in_silence", path=silent, release=release)

    for number in range(1, RELEASES + 1):
        wait_for("both have begun", lambda: len(lines(traces)) == len(lines(silent)) == number, within=AGAIN_SECONDS)  # noqa: B023
        told = wait_for("it is told", lambda: stage.api.status(task_id)["status"], within=AGAIN_SECONDS)
        assert told in {"STARTED", "PROGRESS"}
        process.terminate()
        assert process.exit_code(within=STOP_SECONDS) == 0
        assert [stage.api.status(each)["status"] for each in (task_id, other)] == ["QUEUED", "QUEUED"]
        process = worker(stage)

    release.touch()
    assert stage.api.result(task_id, within=AGAIN_SECONDS) == RELEASES + 1
    wait_for("the other has ended", lambda: stage.api.status(other)["status"] == "SUCCESS", within=AGAIN_SECONDS)
    assert len(lines(silent)) == RELEASES + 1
    assert not {task_id, other} & set(stage.cli("dead-letters", "list").split())


@pytest.mark.on("rabbitmq-postgresql")
def test_a_task_whose_worker_loses_its_connection_again_and_again_still_completes(stage: Stage) -> None:
    release, traces = stage.path("release"), stage.path()
    with closing(Relay(stage.servers["broker"].port)) as relay:
        stage.start_worker("worker", CELERY_BROKER_URL=relay.address(stage.environment["CELERY_BROKER_URL"]))
        task_id = stage.enqueue("waits_for_release", path=traces, release=release)
        for number in range(1, LOSSES + 1):
            wait_for("it has begun", lambda: len(lines(traces)) == number, within=AGAIN_SECONDS)  # noqa: B023
            relay.cut()

        release.touch()
        assert stage.api.result(task_id, within=AGAIN_SECONDS) >= LOSSES + 1
    stage.start_worker()


# What a process says once it does its work; until then, the signal itself may end it.
READY = {
    "api": "Application startup complete",
    "worker": " ready.",
    "soft-worker": " ready.",
    "beat": "beat: Starting",
    "flower": "Connected to",
}
TROUBLE = re.compile(r"Traceback|CRITICAL|Exception ignored|corrupted")


def commands(stage: Stage) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return how each kind of process is started, and with which variables."""
    celery = ["celery", "-A", "app.core.celery"]
    own = stage.variant.answers["beat"] == "file"
    soft = {"REMAP_SIGTERM": "SIGQUIT", "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT": "1"}
    found: dict[str, tuple[list[str], dict[str, str]]] = {
        "api": (["uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(free_port())], {}),
        "worker": ([*celery, "worker", "--concurrency", "2", "--hostname", "warm@%h"], {"LOG_LEVEL": "INFO"}),
        "soft-worker": ([*celery, "worker", "--concurrency", "2", "--hostname", "soft@%h"], soft),
        "beat": ([*celery, "beat", *(["--schedule", str(stage.directory / "stopped")] if own else [])], {}),
    }
    if stage.variant.has_flower:
        found["flower"] = ([*celery, "flower", f"--port={free_port()}", "--address=127.0.0.1"], {})
    return found


def stop(process: Process, ready: str, rng: Random, after: float) -> str:
    """Tell a process to stop at some moment, sometimes twice; return what is wrong with its end, if anything is."""
    time.sleep(rng.uniform(0, after))
    begun = ready in process.output()
    process.terminate()
    twice = rng.random() < 0.3
    if twice:
        time.sleep(rng.uniform(0, 0.5))
        process.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    try:
        code = process.exit_code(within=STOP_SECONDS)
        process.expect_no_orphan()
    except AssertionError as error:
        # A worker says then where it is.
        process.process.send_signal(signal.SIGUSR1)
        time.sleep(2)
        return f"{process.log}: {error}\n{process.output()[-6000:]}"
    # At its very end, Python puts the system's own handlers back, which a second signal may meet.
    orderly = {0, -signal.SIGTERM} if process.name == "api" or not begun or twice else {0}
    # Flower leaves its event loop by an exception, wherever it is.
    trouble = process.name != "flower" and TROUBLE.search(process.output())
    if code in orderly and not trouble:
        return ""
    seconds, when = time.monotonic() - started, "ready" if begun else "starting"
    return f"{process.log}: told while {when}, {code} after {seconds:.1f} s, {trouble}\n{process.output()[-2000:]}"


@pytest.mark.on("redis", "rabbitmq-postgresql", "redis-mysql")
def test_every_process_that_is_told_to_stop_at_any_moment_does_so_in_order(stage: Stage, figures: Figures) -> None:
    seed = int(os.environ.get("FORGE_STOPS_SEED", random.randrange(2**32)))
    print(f"FORGE_STOPS_SEED={seed}")
    rng = Random(seed)
    wrong: list[str] = []
    task_ids: list[str] = []
    stage.processes["worker"].terminate()
    stage.processes["worker"].exit_code(within=STOP_SECONDS)
    with ThreadPoolExecutor() as pool:
        for number in range(STOPS):
            task_ids += [stage.enqueue("hold", path=stage.path(), seconds=rng.uniform(0, 1)) for _ in range(4)]
            stops = []
            for name, (command, variables) in commands(stage).items():
                process = stage.start(f"stopped-{name}-{number}", *command, **variables)
                process.name = name
                stops.append(pool.submit(stop, process, READY[name], Random(rng.random()), LONGEST_LIFE))
            wrong += [found for each in stops if (found := each.result())]
    assert not wrong, "\n".join([f"FORGE_STOPS_SEED={seed}", *wrong])
    stage.start_worker()
    for task_id in task_ids:
        stage.api.result(task_id, within=AGAIN_SECONDS)
    figures(f"{STOPS} stops of each of {', '.join(commands(stage))}, {len(task_ids)} jobs, seed {seed}")
