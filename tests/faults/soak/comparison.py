"""What the four sources say must agree, with each other and with what clients were told."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from .faults import Faults
from .ledger import FINAL, Ledger, Promise, Push, Seen
from .logs import lines_about
from .traces import CHILD, Run

TOLERANCE = 1.0  # seconds between looking whether a job may run, and its first line
# Seconds for which, after a fault, a worker may watch over no time limit: it makes a new connection, or waits for a
# store to note the end of another task, which it does for ten seconds at most.
UNWATCHED = 15.0
# With which error a task ends that does what it should.
FAILS = {"fails": {"ValueError"}, "fails_at_first": {"ValueError"}, "takes_too_long": {"SoftTimeLimitExceeded"}}
# What the death, or the standing still, of processes explains: each is promised somewhere in the project's README.
KILLED = {"WorkerLostError", "PoisonMessage", "TimeLimitExceeded", "SoftTimeLimitExceeded", "Terminated"}
# What a body meets that uses a service which is down.
DOWN = {
    "OperationalError",
    "ConnectionError",
    "TimeoutError",
    "BeingSent",
    "SentLater",
    "BacklogLimitExceeded",
    "ConnectionResetError",
}
USES_SERVICES = {"tells", "sends", "becomes_a_chain", "becomes_a_group", "becomes_a_chord"}
CANVAS = {"becomes_a_chain", "becomes_a_group", "becomes_a_chord"}


@dataclass
class Sources:
    """What there is to compare.

    Attributes:
        traces: What the tasks did.
        stores: By the job's id, its `record` and its `result`.
        told: By the job's id, what each API process answered in the end.
        dead: The ids of the dead letters.
        logs: The log of each process, by its name.
        listed: The ids in the list of jobs, once each time; nothing where there is no list.
    """

    traces: list[Run]
    stores: dict[str, dict[str, Any]]
    told: dict[str, list[dict[str, Any]]]
    dead: list[str]
    logs: Mapping[str, Path]
    listed: list[str] | None


@dataclass
class Findings:
    """What contradicts a promise, what happened more than once for a known reason, and the canvas that never ended."""

    contradictions: list[str] = field(default_factory=list)
    twice: Counter[str] = field(default_factory=Counter)
    unjoined: int = 0


def expected(task: str, arguments: dict[str, Any]) -> object:
    """Return the result of a task that follows from its arguments."""
    number = arguments["number"]
    if task == "becomes_a_chain":
        return number + 3
    if task == "becomes_a_group":
        return [number + index + 1 for index in range(arguments["width"])]
    if task == "becomes_a_chord":
        return sum(number + index + 1 for index in range(arguments["width"]))
    return number * 7 + 1


class Comparison:
    """Compares everything once."""

    def __init__(self, ledger: Ledger, faults: Faults, sources: Sources) -> None:
        self.ledger, self.faults, self.sources = ledger, faults, sources
        self.found = Findings()
        self.runs = defaultdict[int, list[Run]](list)
        for run in sources.traces:
            self.runs[run.number].append(run)

    def findings(self) -> Findings:
        """Return what contradicts a promise."""
        self.found.contradictions.extend(self.ledger.complaints)
        for push in self.ledger.pushes.values():
            for complaint in self._about(push):
                self.found.contradictions.append(self._told_of(push, complaint))
        self.found.contradictions.extend(self._about_the_list())
        return self.found

    def _about(self, push: Push) -> Iterator[str]:
        runs = self._bodies(push)
        if len({*push.ids, *(run.id for run in runs)}) > 1:
            yield "one job has several ids"
        if push.promise is Promise.ROLLED_BACK and runs:
            yield "it ran although its transaction was rolled back"
        if push.promise is Promise.ACCEPTED:
            yield from self._about_its_end(push)
            yield from self._about_what_was_seen(push)
        yield from self._about_its_runs(push)
        yield from self._about_its_cancelling(push)

    def _about_its_end(self, push: Push) -> Iterator[str]:
        """Compare what the record, the result and the API say."""
        told = self.sources.told.get(push.id, [])
        if (
            told
            and push.task in CANVAS
            and self.faults.history
            and all(status["status"] == "STARTED" for status in told)
        ):
            # Celery joins its tasks over several requests; a fault between them leaves them unjoined.
            self.found.unjoined += 1
            return
        if not told or any(status["status"] not in FINAL for status in told):
            yield f"it is lost: {[status['status'] for status in told]}"
            return
        status, error = told[0]["status"], (told[0]["error"] or {}).get("type")
        if any((other["status"], other["result"], other["error"]) != _end(told[0]) for other in told):
            yield "two answers differ"
        yield from self._about_its_stores(push, status, error)
        if status == "SUCCESS":
            yield from self._about_its_result(push, told[0]["result"])
        elif status == "FAILURE":
            yield from self._about_its_failure(push, error)
        elif not push.cancels:
            yield "it was cancelled by nobody"

    def _about_its_stores(self, push: Push, status: str, error: str | None) -> Iterator[str]:
        stored = self.sources.stores.get(push.id)
        if stored is None:
            yield "it has no record"
            return
        record, result = stored["record"], stored["result"]
        if record["status"] != status:
            yield f"its record says {record['status']}"
        if status == "FAILURE" and record.get("error_type", error) != error:
            yield f"its record names the error {record.get('error_type')}"
        # What was cancelled may never have had a result, or have been stopped in the middle of it.
        agreed = {status} if status != "REVOKED" else {"REVOKED", "PENDING", "STARTED", "PROGRESS", "RETRY"}
        if result["status"] not in agreed:
            yield f"its result says {result['status']}"
        elif status == "FAILURE" and result["error"] != error:
            yield f"its result holds the error {result['error']}"

    def _about_its_result(self, push: Push, result: object) -> Iterator[str]:
        bodies = self._bodies(push)
        if not any(run.how == "ends" for run in bodies):
            yield "it has succeeded, and no run of it has ended"
        if push.task == "sends":
            children = {run.id for run in self.runs[push.number + CHILD]}
            ended = self.sources.stores.get(str(result), {}).get("record", {}).get("status") in FINAL
            # It may have run out of its time while its record waited for a store.
            if children != {result} and (children or not ended):
                yield f"the job that it sent ran as {children or 'nothing'}"
        elif result != expected(push.task, push.arguments):
            yield f"its result is wrong: {result}"
        if push.task in FAILS and not self._excused(push):
            yield "it has succeeded, and should have failed"

    def _about_its_failure(self, push: Push, error: str | None) -> Iterator[str]:
        known = set(FAILS.get(push.task, ()))
        if push.task == "retries":
            known.add("ConnectionError")  # deaths of its process count as tries too
        if push.task == "dies_at_first" or self.faults.history:
            known |= KILLED
        if self.faults.history and push.task in USES_SERVICES:
            known |= DOWN
        if push.task in CANVAS:
            known.add("ChordError")  # one of its parts has failed
        if error not in known:
            yield "nothing explains its failure"
        if push.task == "fails_at_first" and push.id not in self.sources.dead:
            yield "it has failed for good, and there is no dead letter"

    def _about_what_was_seen(self, push: Push) -> Iterator[str]:
        ends = [seen for seen in push.seen if seen.status in FINAL]
        for first in ends:
            for later in push.seen:
                replayed = any(first.asked - TOLERANCE < at < later.answered for at in push.replays)
                if later.asked > first.answered and later.status != first.status and not replayed:
                    yield f"it was {first.status} ({first.by}), and {later.status} afterwards ({later.by})"
                    return

    def _about_its_runs(self, push: Push) -> Iterator[str]:
        runs = self._bodies(push)
        if runs and runs[0].began < push.not_before - 0.05:
            yield f"it began {push.not_before - runs[0].began:.1f} s too early"
        for earlier, later in pairwise(runs):
            replayed = any(earlier.began <= at <= later.began for at in push.replays)
            why = "replay" if replayed else _why(earlier, later)
            self.found.twice[why] += 1
            # Without a database, a job that has no key is not kept from being sent twice; nor is what is tried again.
            kept = push.key or self.sources.listed is not None
            if why == "sent twice" and kept and not later.retries:
                yield "it ran twice, and no message was delivered again"
            if earlier.ended and earlier.ended > later.began + TOLERANCE:
                self.found.twice["side by side"] += 1
                if why != "sent twice" and not self.faults.during(earlier.began - TOLERANCE, later.began):
                    yield "it ran twice side by side, and nothing had gone wrong"

    def _about_its_cancelling(self, push: Push) -> Iterator[str]:
        for cancel in push.cancels:
            if any(at > cancel.asked - TOLERANCE for at in push.replays):
                continue
            for run in self.runs[push.number]:
                if run.began <= cancel.answered:
                    continue
                late = run.began - cancel.answered - self.faults.frozen(cancel.answered, run.began)
                if cancel.code == 202 and late > TOLERANCE:
                    body = run.task == push.task
                    what = "it" if body else f"its step {run.task}"
                    yield f"{what} began {run.began - cancel.answered:.1f} s after it was cancelled"
                    break
                if cancel.code == 409 and late > TOLERANCE:
                    yield "it began after somebody was told that it had ended"
                    break

    def _about_the_list(self) -> Iterator[str]:
        if self.sources.listed is None:
            return
        counts = Counter(self.sources.listed)
        twice = [task_id for task_id, count in counts.items() if count > 1]
        if twice:
            yield f"listed twice: {twice}"
        missing = [push.id for push in self.ledger.accepted() if push.id not in counts]
        if missing:
            yield f"not listed: {missing}"

    def _excused(self, push: Push) -> bool:
        """Tell why a task has succeeded that fails."""
        if push.task == "fails_at_first":
            return bool(push.replays)
        return push.task == "takes_too_long" and any(
            self.faults.during(run.began - UNWATCHED, run.ended or run.began) for run in self._bodies(push)
        )

    def _bodies(self, push: Push) -> list[Run]:
        return [run for run in self.runs[push.number] if run.task == push.task]

    def _told_of(self, push: Push, complaint: str) -> str:
        """Return a complaint with all that is known of the job."""
        stored = self.sources.stores.get(push.id, {})
        history: list[str] = []
        events = [(seen.answered, f"{seen.by} told {seen.status}") for seen in _changes(push.seen)]
        events.extend((at, "asked for") for at in push.asked)
        for cancel in push.cancels:
            events.append((cancel.asked, "cancel asked"))
            events.append((cancel.answered, f"cancel answered {cancel.code}"))
        events.extend((at, "replayed") for at in push.replays)
        for run in self.runs[push.number]:
            again = f" try {run.retries}{' redelivered' if run.redelivered else ''}"
            events.append((run.began, f"{run.task} begins as {run.id}{again}"))
            if run.ended:
                events.append((run.ended, f"{run.task} {run.how}"))
        events.extend(lines_about(push.id, self.sources.logs) if push.ids else [])
        around = self.faults.during(min(push.asked), max(at for at, _ in events) + 1)
        events.extend((fault.began, f"[{fault}, until {clock(fault.ended)}]") for fault in around)
        history.extend(f"{clock(at)} {what}" for at, what in sorted(events))
        return "\n    ".join(
            [
                f"{push.task}({push.arguments}) {sorted(push.ids)} key={push.key} {push.promise.name}: {complaint}",
                f"record: {stored.get('record')}",
                f"result: {stored.get('result')}",
                f"message: {stored.get('message') or 'in no queue that can be looked at'}",
                f"API: {self.sources.told.get(push.id)}",
                *history,
            ]
        )


def clock(at: float) -> str:
    """Return a time as logs have it."""
    return "the end" if at == float("inf") else datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


def _changes(seen: list[Seen]) -> list[Seen]:
    """Return what was seen first of each status."""
    return [first for first, *_ in (list(same) for _, same in groupby(seen, key=lambda each: each.status))]


def _end(status: dict[str, Any]) -> tuple[Any, Any, Any]:
    return status["status"], status["result"], status["error"]


def _why(earlier: Run, later: Run) -> str:
    """Return why a body was run once more."""
    if later.retries > earlier.retries:
        return "retry"
    return "redelivery" if later.redelivered else "sent twice"
