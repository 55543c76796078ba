"""Two versions of a project run at once, as they do while a new one is rolled out: a migration, workers, APIs."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.boot.client import said
from tests.boot.endings import STOP_SECONDS, clean_logs
from tests.boot.polling import wait_for
from tests.boot.run import Run
from tests.faults.running import running
from tests.faults.stage import lines
from tests.faults.test_outbox import SENT_SECONDS, push
from tests.schedules.projects import PROJECTS
from tests.updates.beside import Version
from tests.updates.conftest import WORKING, Forge, Project, Template, commit
from tests.updates.edits import COMPRESSED, replace
from tests.updates.test_boot import uv_cache

__all__ = ["uv_cache"]

OLDEST, LAST = 0, -1
RETRY_SECONDS = 8.0  # in which the worker of a failed try ends
DUE_SECONDS = 6.0

Promise = Callable[[Version, Version], Iterator[None]]


def cancelled(sender: Version, other: Version) -> Iterator[None]:
    """What waits and is cancelled at the other version never runs."""
    traces = sender.path()
    task_id = sender.enqueue("note", path=traces)
    answer = other.api.http.delete(f"/tasks/{task_id}")
    assert answer.status_code == 202, said(answer)
    yield
    assert _outcome(task_id, sender, other) == ("REVOKED", None, None)
    assert lines(traces) == []


def plain(sender: Version, other: Version) -> Iterator[None]:
    """What is pushed at one version is run by the other one, once, and both tell the same of it."""
    traces = sender.path()
    task_id = sender.enqueue("note", path=traces, line="written")
    for version in (sender, other):
        assert version.api.status(task_id)["status"] == "QUEUED"
    yield
    assert _outcome(task_id, sender, other) == ("SUCCESS", "written", None)
    assert lines(traces) == ["written"]


def keyed(sender: Version, other: Version) -> Iterator[None]:
    """What is pushed at both with one key is one job, also when it has ended."""
    traces, key = sender.path(), str(uuid4())
    told = [version.ask_once(key, traces) for version in (sender, other)]
    yield
    assert _outcome(told[0]["task_id"], sender, other) == ("SUCCESS", "", None)
    told += [version.ask_once(key, traces) for version in (sender, other)]
    assert all(each == told[0] for each in told), told
    sender.api.result(sender.enqueue("note", path=sender.path()))  # whatever was sent before it has run, too
    assert lines(traces) == [told[0]["task_id"]]


def replaced(sender: Version, other: Version) -> Iterator[None]:
    """What goes on as another task has the result of that one."""
    traces = sender.path()
    task_id = sender.ask("replaced", path=traces)
    yield
    assert _outcome(task_id, sender, other) == ("SUCCESS", "went on", None)
    assert lines(traces) == ["went on"]


def dead(sender: Version, other: Version) -> Iterator[None]:
    """What fails for good is shown as a dead letter by both, and runs when either replays it."""
    fixed = sender.path("fixed")
    ids = [sender.enqueue("broken", path=fixed) for _ in range(2)]
    for version in (sender, other):
        version.fails_on_purpose |= {*ids}
    yield
    for task_id in ids:
        status, _, error = _outcome(task_id, sender, other)
        assert (status, error) == ("FAILURE", {"type": "ValueError", "message": "not fixed yet"})
    for version in (sender, other):
        wait_for("both dead letters are shown", partial(_shows, version, {*ids}), within=20, every=0.5)
    fixed.touch()
    for version, task_id in zip((sender, other), ids, strict=True):
        answer = version.administer("POST", f"/dead-letters/{task_id}/replay")
        assert answer.status_code == 202, said(answer)
        assert _outcome(task_id, sender, other) == ("SUCCESS", "fixed", None)
    assert (sender.letters(), other.letters()) == (set(), set())


def outbox(sender: Version, other: Version) -> Iterator[None]:
    """What one version has committed and could not send, the broker being down, is sent by the other one's worker."""
    if not sender.variant.has_database:
        yield
        return
    traces = sender.path()
    task_id, code = push(sender, traces, **sender.without_a_broker())
    assert code == 0
    assert sender.api.status(task_id)["status"] == "QUEUED"
    yield
    sender.api.result(task_id, within=SENT_SECONDS)
    assert _outcome(task_id, sender, other) == ("SUCCESS", "", None)
    assert lines(traces) == [task_id]


# Says which tasks there must have been, in the words of either version: the store tells the time since 0.3.0.
DUE = """
from app.schedules.entry import read
from app.schedules.runs import run_id
from app.schedules.store import store

found = store.read()
told = (found.schedules[{name!r}], found.now) if hasattr(found, "now") else (found[{name!r}],)
definition = read({name!r}, *told).definition
due = definition.after(definition.since)
while due:
    print(run_id({name!r}, due))
    due = definition.after(due)
"""


def due(sender: Version, other: Version) -> Iterator[None]:
    """What an operator schedules at one version is run once each time, while a scheduler of each version runs."""
    traces, name = sender.path(), f"crowd-{uuid4()}"
    sender.add(name, traces, ends_at=(datetime.now(UTC) + timedelta(seconds=DUE_SECONDS)).isoformat())
    yield
    wait_for("all that was due is sent", lambda: other.state(name) == "ended", within=30, every=0.5)
    expected = [set(version.script(DUE.format(name=name)).split()) for version in (sender, other)]
    assert expected[0] == expected[1] != set()
    wait_for("all that was sent has run", lambda: {*lines(traces)} >= expected[0], within=30, every=0.5)
    sender.api.result(sender.enqueue("note", path=sender.path()))  # whatever was sent before it has run, too
    assert sorted(lines(traces)) == sorted(expected[0])


PROMISES: list[Promise] = [cancelled, due, outbox, plain, keyed, replaced, dead]


@pytest.mark.boot
@pytest.mark.parametrize(
    ("name", "which"),
    [
        pytest.param("redis", LAST, id="redis-last"),
        pytest.param("mysql", LAST, id="redis-mysql-last"),
        pytest.param("postgresql", LAST, id="rabbitmq-postgresql-last"),
        pytest.param("mysql", OLDEST, id="redis-mysql-oldest"),
    ],
)
def test_a_release_and_the_version_that_replaces_it_do_each_others_work(
    name: str,
    which: int,
    boot_run: Run,
    uv_cache: str,
    forge: Forge,
    project: Project,
    source: Template,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if which == OLDEST and len(source.outdated) == 1:
        pytest.skip("there is only one release to update from")
    monkeypatch.setenv("UV_CACHE_DIR", uv_cache)
    kind = PROJECTS[name]
    files = project(source.outdated[which], **kind.variant.answers)
    replace(files / "app/core/celery.py", COMPRESSED, "")  # with it, releases up to 0.2.0 lose dead letters
    commit(files)
    updated = shutil.copytree(files, files.with_name("updated"), symlinks=True)
    assert forge("update", updated, "--to", WORKING, "--yes").code == 0
    commit(updated)

    older, newer = (dataclasses.replace(kind, name=f"{kind.name}-{which}-{side}") for side in ("older", "newer"))
    with running(partial(Version, files=files), older, boot_run) as old:
        old.processes["worker"].kill()
        earlier, traces = old.enqueue("note", path=old.path()), old.path()
        with Version(newer, boot_run, files=updated, beside=old) as new:
            with old.step("migration"), new.step("migration"):
                new.join()
            for version in (old, new):
                version.start_scheduler()

            _cross(new, old)
            assert _outcome(earlier, old, new) == ("SUCCESS", "", None)

            moving = new.ask("moves", path=traces, seconds=RETRY_SECONDS)
            wait_for("the first try has failed", lambda: new.api.status(moving)["status"] == "RETRY", within=10)
            old.processes["worker"].terminate()
            assert old.processes["worker"].exit_code(within=STOP_SECONDS) == 0

            _cross(old, new)
            assert _outcome(moving, old, new) == ("SUCCESS", 1, None)
            assert lines(traces) == [str(old.project.root), str(new.project.root)]

            for version in (old, new):
                for process in version.processes.values():
                    if process is not old.processes["worker"]:
                        process.expect_alive()
                clean_logs(version)


def _cross(sender: Version, other: Version) -> None:
    """Push at one version while no worker runs; then start one of the other version."""
    promises = [(promise.__name__, promise(sender, other)) for promise in PROMISES]
    for name, promise in promises:
        with sender.step(name), other.step(name):
            next(promise)
    other.start_worker()
    for name, promise in reversed(promises):  # what was cancelled comes last, when all behind it has run
        with sender.step(name), other.step(name):
            next(promise, None)


def _outcome(task_id: str, *versions: Version) -> tuple[str, Any, Any]:
    """Wait until a job has ended; return its status, result and error, which every version tells alike."""
    told = [version.api.outcome(task_id) for version in versions]
    status, result, error = next((each["status"], each["result"], each["error"]) for each in told)
    assert all((each["status"], each["result"], each["error"]) == (status, result, error) for each in told), told
    return status, result, error


def _shows(version: Version, ids: set[str]) -> bool:
    assert version.letters() == ids, version.letters()
    return True
