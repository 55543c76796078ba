"""What goes wrong, at random: processes and servers die, stop and freeze, and connections break in every way."""

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import psutil

from tests.boot.processes import Process, signal_all
from tests.faults.relay import Direction, Relay

from .stage import APIS, SCRIPT, WORKERS, SoakStage

PAUSE = (0.1, 1.0)  # seconds between two faults
SHORT = (0.3, 3.0)  # seconds for which something is down, frozen or slow
STOP_SECONDS = 40.0
BOTH: tuple[Direction, ...] = ("to_server", "to_client")
# After which requests a connection is cut before the answer arrives.
REQUESTS = {
    "postgresql": ("COMMIT",),
    "mysql": ("COMMIT",),
    "redis": ("LPUSH", "EXEC", "SET", "GET"),
    "rabbitmq": ("PUBLISH",),
}


@dataclass
class Fault:
    """Something that went wrong, and when; what lasts has not ended before it was healed."""

    what: str
    whom: str
    began: float
    ended: float = float("inf")

    def __str__(self) -> str:
        return f"{self.what} {self.whom}"


class Faults:
    """One fault after another, some of which last while the next ones come."""

    def __init__(self, stage: SoakStage, seed: str) -> None:
        self.stage = stage
        self.rng = Random(f"{seed}-faults")
        self.history: list[Fault] = []
        self.overrun = 0  # of the stops
        self._timers: list[threading.Timer] = []
        self.kinds: dict[Callable[[], None], float] = {
            self.kill_a_process: 4,
            self.kill_the_main_process_of_a_worker: 2,
            self.kill_a_child_of_a_worker: 3,
            self.kill_the_script: 1,
            self.stop_a_process: 2,
            self.freeze_a_process: 3,
            self.kill_a_server: 2,
            self.freeze_a_server: 2,
            self.cut_connections: 4,
            self.cut_after_a_request: 6,
            self.drop_one_side: 3,
            self.delay_connections: 2,
            self.refuse_connections: 2,
        }

    def rage(self, until: float) -> None:
        """Let things go wrong for some time."""
        while time.monotonic() < until:
            kind = self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]
            kind()
            self._supervise()
            time.sleep(self.rng.uniform(*PAUSE))

    def heal(self) -> None:
        """Put everything in order."""
        for timer in self._timers:
            timer.join()
        self.stage.heal()
        for fault in self.history:
            fault.ended = min(fault.ended, time.time())

    def _supervise(self) -> None:
        """Start again what has ended by itself, as whatever runs a project in production does."""
        for name in (*APIS, *WORKERS):
            if self.stage.processes[name].process.poll() is not None:
                with self._fault("ended by itself", name):
                    self.stage.start_one(name)

    def counts(self) -> Counter[str]:
        """Return how often what has happened."""
        return Counter(fault.what for fault in self.history)

    def during(self, began: float, ended: float, *kinds: str) -> list[Fault]:
        """Return what went wrong at some time, of some kinds or of all."""
        return [
            fault
            for fault in tuple(self.history)
            if fault.began <= ended and fault.ended >= began and (not kinds or fault.what in kinds)
        ]

    def frozen(self, began: float, ended: float) -> float:
        """Return for how many seconds something stood still, or was slow, within some time."""
        slow = self.during(began, ended, "freeze", "delay", "kill server", "freeze server", "refuse", "drop")
        return sum(min(fault.ended, ended) - max(fault.began, began) for fault in slow)

    @contextmanager
    def _fault(self, what: str, whom: str) -> Iterator[None]:
        fault = Fault(what, whom, time.time())
        self.history.append(fault)
        try:
            yield
        finally:
            fault.ended = time.time()

    def _pause(self) -> None:
        time.sleep(self.rng.uniform(*SHORT))

    # Processes

    def kill_a_process(self) -> None:
        """Lose a process with all that it has started, as a machine that loses its power."""
        name = self.rng.choice((*APIS, *WORKERS))
        with self._fault("kill", name):
            self.stage.processes[name].kill()
            time.sleep(self.rng.uniform(0, 1))
            self.stage.start_one(name)

    def kill_the_main_process_of_a_worker(self) -> None:
        """Lose the process that talks to the broker, and let the others find out."""
        name = self.rng.choice(WORKERS)
        with self._fault("kill", f"{name}'s main process"):
            main = self.stage.processes[name]
            main.process.kill()
            main.process.wait()
            time.sleep(self.rng.uniform(0, 1))
            main.kill()  # what is left of it: children that were in the middle of a task
            self.stage.start_one(name)

    def kill_a_child_of_a_worker(self) -> None:
        """Lose a process that runs tasks, as the kernel does when memory runs out."""
        name = self.rng.choice(WORKERS)
        if children := self._children(self.stage.processes[name]):
            with self._fault("kill", f"{name}'s child"):
                signal_all([self.rng.choice(children)], signal.SIGKILL)

    def kill_the_script(self) -> None:
        """Lose the program that sends jobs."""
        with self._fault("kill", SCRIPT):
            self.stage.pusher.kill()

    def stop_a_process(self) -> None:
        """Ask a process to end, kill it when it does not within some time, and start it again."""
        name = self.rng.choice((*APIS, *WORKERS))
        number = self.rng.choice((signal.SIGTERM, signal.SIGQUIT)) if name in WORKERS else signal.SIGTERM
        process = self.stage.processes[name]
        if process.process.poll() is None:
            with self._fault("stop", name):
                process.process.send_signal(number)
                try:
                    process.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self.overrun += 1
                process.kill()
                self.stage.start_one(name)

    def freeze_a_process(self) -> None:
        """Let a process, or a whole family, stand still."""
        name = self.rng.choice((*APIS, *WORKERS))
        process = self.stage.processes[name]
        family = process.family()
        members = self.rng.choice((family, self._children(process) or family, family[:1]))
        with self._fault("freeze", name):
            signal_all(members, signal.SIGSTOP)
            self._pause()
            signal_all(members, signal.SIGCONT)

    @staticmethod
    def _children(process: Process) -> list[psutil.Process]:
        return [member for member in process.family() if member.pid != process.process.pid]

    # Servers

    def kill_a_server(self) -> None:
        """Lose a server and start it again on its data."""
        part = self.rng.choice(list(self.stage.servers))
        with self._fault("kill server", part), self.stage.outage(part):
            self._pause()

    def freeze_a_server(self) -> None:
        """Let a server stand still."""
        part = self.rng.choice(list(self.stage.servers))
        with self._fault("freeze server", part), self.stage.freeze(part):
            self._pause()

    # Connections

    def cut_connections(self) -> None:
        """Break every connection of a process to a server."""
        whom, relay = self._relay()
        with self._fault("cut", whom):
            relay.cut(gracefully=self.rng.random() < 0.3)

    def cut_after_a_request(self) -> None:
        """Let some answers get lost with their connections for some seconds, while other things happen."""
        # A lost answer to a COMMIT is the one that matters most.
        name, relays = self._relays()
        part = "database" if "database" in relays and self.rng.random() < 0.6 else self.rng.choice(list(relays))
        whom, relay = f"{name} to {part}", relays[part]
        request = self.rng.choice(REQUESTS[self.stage.servers[part].name])
        relay.cut_after(request, probability=self.rng.choice((0.1, 0.3, 0.6)), rng=Random(self.rng.random()))
        self._later(f"cut after {request}", whom, self.rng.uniform(2, 6), relay.stop_cutting)

    def drop_one_side(self) -> None:
        """Let what one side says vanish."""
        whom, relay = self._relay()
        relay.drop(*self.rng.choice((BOTH[:1], BOTH[1:], BOTH)))
        self._later("drop", whom, self.rng.uniform(*SHORT), relay.heal)

    def delay_connections(self) -> None:
        """Make a connection slow."""
        whom, relay = self._relay()
        relay.delay(self.rng.uniform(0.02, 0.3), *self.rng.choice((BOTH[:1], BOTH[1:], BOTH)))
        self._later("delay", whom, self.rng.uniform(*SHORT), relay.heal)

    def refuse_connections(self) -> None:
        """Keep a process from making new connections, and break those that it has."""
        whom, relay = self._relay()
        with self._fault("refuse", whom):
            relay.refuse()
            relay.cut()
            self._pause()
            relay.heal()

    def _relay(self) -> tuple[str, Relay]:
        name, relays = self._relays()
        part = self.rng.choice(list(relays))
        return f"{name} to {part}", relays[part]

    def _relays(self) -> tuple[str, dict[str, Relay]]:
        name = self.rng.choice((*APIS, *WORKERS, *WORKERS, SCRIPT))  # a worker has the most to lose
        return name, self.stage.relays[name]

    def _later(self, what: str, whom: str, seconds: float, heal: Callable[[], None]) -> None:
        """Heal something after some seconds, and go on meanwhile."""
        fault = Fault(what, whom, time.time())
        self.history.append(fault)

        def end() -> None:
            heal()
            fault.ended = min(fault.ended, time.time())

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)
