"""What clients do: several of them at once, each choosing at random, and each noting what it was told."""

import json
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import httpx

from .ledger import FINAL, Cancel, Ledger, Promise, Push, Seen
from .stage import APIS, LONGEST_COUNTDOWN, SoakStage

MODULE = "app.tasks.soak_tasks"
CLIENTS = 3
PAUSE = (0.05, 0.4)  # seconds between two things that a client does
# By the weight that each has.
TASKS: dict[str, tuple[float, Callable[[Random], dict[str, Any]]]] = {
    "work": (6, lambda rng: {"seconds": round(rng.choice((0.0, 0.1, 0.3, 1.0, 2.0)), 1)}),
    "work_async": (2, lambda _: {}),
    "tells": (2, lambda rng: {"steps": rng.randint(1, 5)}),
    "fails": (1, lambda _: {}),
    "fails_at_first": (1.5, lambda _: {}),
    "retries": (1, lambda rng: {"failures": rng.randint(1, 2)}),
    "dies_at_first": (0.5, lambda _: {}),
    "takes_too_long": (0.5, lambda _: {}),
    "becomes_a_chain": (1, lambda _: {}),
    "becomes_a_group": (1, lambda rng: {"width": rng.randint(2, 4)}),
    "becomes_a_chord": (1, lambda rng: {"width": rng.randint(2, 4)}),
    "sends": (1, lambda _: {}),
}
REFUSED = 503  # with a time to come back


class Clients:
    """Three that use HTTP and one script, until they are told to stop."""

    def __init__(self, stage: SoakStage, ledger: Ledger, seed: str) -> None:
        self.stage = stage
        self.ledger = ledger
        self.stopped = threading.Event()
        work = [HttpClient(self, Random(f"{seed}-client-{number}")).live for number in range(CLIENTS)]
        work.append(Script(self, Random(f"{seed}-script")).live)
        self.threads = [threading.Thread(target=self._guarded, args=(live,), daemon=True) for live in work]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _guarded(self, live: Callable[[], None]) -> None:
        try:
            live()
        except Exception:
            self.ledger.complain(f"a client has failed: {traceback.format_exc()}")

    def choose(self, rng: Random) -> tuple[str, dict[str, Any]]:
        """Return one of the tasks, and arguments for it."""
        name = rng.choices(list(TASKS), [weight for weight, _ in TASKS.values()])[0]
        return name, TASKS[name][1](rng)


class HttpClient:
    """A client of both API processes."""

    def __init__(self, clients: Clients, rng: Random) -> None:
        self.clients, self.stage, self.ledger, self.rng = clients, clients.stage, clients.ledger, rng
        self.https = [self.stage.client(name) for name in APIS]
        self.admin = self.stage.client(rng.choice(APIS), headers=self.stage.credential.admin)
        self.keyed: list[Push] = []
        self.acts: dict[Callable[[], None], float] = {
            self.push: 8,
            self.push_with_a_key: 2,
            self.push_in_parallel: 1,
            self.push_again: 1,
            self.push_something_else: 0.5,
            self.cancel: 4,
            self.ask: 6,
            self.listen: 1,
            self.replay: 1,
        }
        if self.stage.variant.has_database:
            self.acts[self.list] = 1

    def live(self) -> None:
        """Do one thing after the other."""
        while not self.clients.stopped.is_set():
            act = self.rng.choices(list(self.acts), list(self.acts.values()))[0]
            self.ledger.operations[act.__name__] += 1
            act()
            time.sleep(self.rng.uniform(*PAUSE))

    def push(self) -> None:
        """Ask for a job."""
        self._post(self.rng.choice(self.https), self.ledger.open(*self.clients.choose(self.rng)))

    def push_with_a_key(self) -> None:
        """Ask for a job that may be asked for again."""
        self._post(self.rng.choice(self.https), self._with_a_key())

    def push_in_parallel(self) -> None:
        """Ask for one job several times at once, through both processes."""
        push = self._with_a_key()
        with ThreadPoolExecutor() as pool:
            for http in self.https * 2:
                pool.submit(self._post, http, push)

    def push_again(self) -> None:
        """Ask for a job once more with the same key."""
        if self.keyed:
            self._post(self.rng.choice(self.https), self.rng.choice(self.keyed))

    def push_something_else(self) -> None:
        """Use a key for other arguments, which must be refused."""
        known = [push for push in self.keyed if push.ids]
        if known:
            push = self.rng.choice(known)
            other = Push(-push.number, push.task, {**push.arguments, "number": -push.number}, push.key)
            response = self._send(
                "POST", f"/tasks/{MODULE}.{push.task}", json=other.arguments, headers={"Idempotency-Key": str(push.key)}
            )
            if response is not None and response.status_code not in {422, REFUSED}:
                self.ledger.complain(f"{push.key} was used for other arguments: {said(response)}")

    def _with_a_key(self) -> Push:
        push = self.ledger.open(*self.clients.choose(self.rng), key(self.rng))
        self.keyed.append(push)
        return push

    def _post(self, http: httpx.Client, push: Push) -> None:
        push.asked.append(time.time())
        headers = {"Idempotency-Key": push.key} if push.key else {}
        response = self._send("POST", f"/tasks/{MODULE}.{push.task}", http, json=push.arguments, headers=headers)
        if response is None or response.status_code == REFUSED:
            return
        if response.status_code != 202:
            self.ledger.complain(said(response))
            return
        push.ids.add(response.json()["task_id"])
        push.promise = Promise.ACCEPTED

    def cancel(self) -> None:
        """Cancel a job, mostly one of the latest."""
        if push := self._some_push():
            asked = time.time()
            response = self._send("DELETE", f"/tasks/{push.id}")
            code = response.status_code if response is not None else 0
            push.cancels.append(Cancel(asked, time.time(), code))
            if response is not None and code not in {202, 409, REFUSED}:
                self.ledger.complain(said(response))

    def ask(self) -> None:
        """Ask what became of a job."""
        if push := self._some_push():
            ask(self.rng.choice(self.https), push, self.ledger)

    def listen(self) -> None:
        """Listen to the events of a job for some time."""
        if push := self._some_push():
            listen(self.rng.choice(self.https), push, self.ledger, time.time() + self.rng.uniform(1, 5))

    def replay(self) -> None:
        """Look at the dead letters, and send one again."""
        response = self._send("GET", "/dead-letters", self.admin)
        if response is None or response.status_code != 200:
            return
        letters = [letter["id"] for letter in response.json()]
        pushes = {task_id: push for push in self.ledger.accepted() for task_id in push.ids}
        if known := [letter for letter in letters if letter in pushes]:
            letter = self.rng.choice(known)
            pushes[letter].replays.append(time.time())
            again = self._send("POST", f"/dead-letters/{letter}/replay", self.admin)
            # Somebody else may look at the letters, or have sent it again.
            if again is not None and again.status_code not in {202, 404, REFUSED}:
                self.ledger.complain(said(again))

    def list(self) -> None:
        """Look at the newest jobs."""
        response = self._send("GET", "/tasks?limit=50")
        if response is not None and response.status_code == 200:
            ids = [item["task_id"] for item in response.json()["items"]]
            if len(ids) != len(set(ids)):
                self.ledger.complain(f"a job is listed twice: {said(response)}")

    def _some_push(self) -> Push | None:
        known = self.ledger.accepted()
        recent = known[-8:] if self.rng.random() < 0.7 else known
        return self.rng.choice(recent) if recent else None

    def _send(self, method: str, path: str, http: httpx.Client | None = None, **options: Any) -> httpx.Response | None:
        return send(http or self.rng.choice(self.https), method, path, self.ledger, **options)


class Script:
    """A program that sends jobs with the project's own code: at once, in transactions, and from `async def` code."""

    def __init__(self, clients: Clients, rng: Random) -> None:
        self.clients, self.stage, self.ledger, self.rng = clients, clients.stage, clients.ledger, rng
        self.hows = {"push": 3, "push_async": 2}
        if self.stage.variant.has_database:
            self.hows |= {"commit": 3, "rollback": 2, "die": 1, "commit_async": 2, "rollback_async": 1}

    def live(self) -> None:
        """Do one thing after the other."""
        while not self.clients.stopped.is_set():
            how = self.rng.choices(list(self.hows), list(self.hows.values()))[0]
            self.ledger.operations[how] += 1
            pushes = {push.number: (push, options) for push, options in self._wanted()}
            jobs = [
                {"task": f"{MODULE}.{push.task}", "arguments": push.arguments, "options": options}
                for push, options in pushes.values()
            ]
            told = self.stage.pusher.ask({"how": how, "jobs": jobs, "organization": self.stage.organization})
            self._note({number: push for number, (push, _) in pushes.items()}, told, how.startswith("push"))
            time.sleep(self.rng.uniform(*PAUSE))

    def _wanted(self) -> list[tuple[Push, dict[str, Any]]]:
        wanted = []
        for _ in range(self.rng.randint(1, 3)):
            name, arguments = self.clients.choose(self.rng)
            options: dict[str, Any] = {}
            if self.rng.random() < 0.3:
                options["countdown"] = round(self.rng.uniform(0.5, LONGEST_COUNTDOWN), 1)
            if self.rng.random() < 0.2:
                options["priority"] = self.rng.randint(0, 9)
            if self.rng.random() < 0.3:
                options["idempotency_key"] = key(self.rng)
            not_before = time.time() + options.get("countdown", 0.0)
            push = self.ledger.open(name, arguments, options.get("idempotency_key"), not_before)
            push.asked.append(time.time())
            wanted.append((push, options))
        return wanted

    def _note(self, pushes: Mapping[int, Push], told: list[dict[str, Any]], alone: bool) -> None:
        ended = told[-1].get("ended") if told else None
        for answer in told:
            if "id" in answer:
                push = pushes[answer["number"]]
                push.ids.add(answer["id"])
                if alone or ended == "commit":
                    push.promise = Promise.ACCEPTED
        if ended == "rollback":
            for push in pushes.values():
                push.promise = Promise.ROLLED_BACK
        if ended == "error":
            self.ledger.answers[f"script: {told[-1]['error'].partition(':')[0]}"] += 1


def key(rng: Random) -> str:
    """Return a new idempotency key."""
    return f"key-{rng.getrandbits(64):x}"


def send(http: httpx.Client, method: str, path: str, ledger: Ledger, **options: Any) -> httpx.Response | None:
    """Make a request; return nothing when there was no answer."""
    try:
        response = http.request(method, path, **options)
    except httpx.TransportError as error:
        ledger.answers[f"{method}: {type(error).__name__}"] += 1
        return None
    ledger.answers[f"{method}: {response.status_code}"] += 1
    return response


def ask(http: httpx.Client, push: Push, ledger: Ledger) -> dict[str, Any] | None:
    """Ask what became of a job, and return that."""
    asked = time.time()
    response = send(http, "GET", f"/tasks/{push.id}", ledger)
    if response is None or response.status_code == REFUSED:
        return None
    if response.status_code != 200:
        ledger.complain(said(response))
        return None
    status: dict[str, Any] = response.json()
    push.seen.append(Seen(asked, time.time(), status["status"], "GET"))
    return status


def listen(http: httpx.Client, push: Push, ledger: Ledger, until: float) -> str | None:
    """Follow the events of a job for some time, and return the status that the last one told."""
    told = None
    asked = time.time()
    try:
        with http.stream("GET", f"/tasks/{push.id}/events") as response:
            if response.status_code == 404:
                ledger.complain(f"GET /tasks/{push.id}/events answered 404")
            if response.status_code != 200:
                return None
            for line in response.iter_lines():
                if line.startswith("data:"):
                    told = json.loads(line.removeprefix("data:"))["status"]
                    push.seen.append(Seen(asked, time.time(), told, "events"))
                    if told in FINAL:
                        return str(told)
                if time.time() > until:
                    return None
    except httpx.TransportError as error:
        ledger.answers[f"events: {type(error).__name__}"] += 1
    return told


def said(response: httpx.Response) -> str:
    """Return a response in one line."""
    return f"{response.request.method} {response.request.url.path} answered {response.status_code}: {response.text}"
