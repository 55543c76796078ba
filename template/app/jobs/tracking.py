"""What a worker does around each task: it refuses what must not run, and keeps the record of the job."""

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from celery import Task, current_app, states
from celery.app.task import Context
from celery.exceptions import Ignore
from celery.signals import task_failure, task_retry, task_revoked, task_success
from celery.utils.time import get_exponential_backoff_interval

from app.core.services import unavailable
from app.jobs import records, runs
from app.jobs.arguments import ORGANIZATION
from app.jobs.states import FINAL, QUEUED, UNKNOWN, error_in, error_of

logger = logging.getLogger(__name__)

# A task with which more workers died than this kills them.
MAX_DEATHS = 3
# Seconds to wait for the store of records while it is down. A process that runs tasks has nothing better to do; the
# worker's main process has.
PATIENCE = 300.0
PATIENCE_OF_MAIN = 10.0


class PoisonMessage(Exception):
    """A message that was delivered too often: each time, the worker died before it could acknowledge it."""


class SetAside(Ignore):
    """The task does not run, and its message becomes a dead letter."""


class OtherOrganization(Exception):
    """A task's arguments name another organization than the one that it was sent for."""


def before_start(task: Task[Any, Any], request: Context, kwargs: dict[str, Any]) -> None:
    """Refuse what must not run.

    Raises:
        PoisonMessage, OtherOrganization: The task fails with this error.
        Ignore: The job was cancelled, or has begun or ended already.
        SetAside: Nobody knows whether it was: its record is gone. Or it has failed for good, and its worker was gone
            before it could set the message aside.
    """
    organization = request.get("organization_id")
    if organization is not None and kwargs.get(ORGANIZATION, organization) != organization:
        message = f"sent for {organization!r}, called for {kwargs[ORGANIZATION]!r}"
        raise OtherOrganization(message)
    _refuse_what_is_over(task, request)
    if _has_come_back(request) and patiently(partial(runs.deaths, str(request.id), uuid4().hex)) > MAX_DEATHS:
        message = f"delivered more than {MAX_DEATHS + 1} times: it seems to kill its workers"
        raise PoisonMessage(message)
    if task.app.conf.task_track_started and not request.is_eager and not request.ignore_result:
        # Celery itself would do so before all this, over the end that a job may have.
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": request.hostname})


def _has_come_back(request: Context) -> bool:
    return bool((request.delivery_info or {}).get("redelivered") or request.get("given_back"))


def _refuse_what_is_over(task: Task[Any, Any], request: Context) -> None:
    again = _has_come_back(request) or bool(request.retries)
    if request.get("job"):
        begun = datetime.now(UTC)
        status = patiently(partial(records.start, str(request.id), begun, again=again))
    else:
        status = patiently(partial(_status_without_a_record, task, request, again))
    if status == UNKNOWN or (status == states.FAILURE and again and getattr(task, "dead_letter", False)):
        logger.warning("%s[%s] is set aside: the status on record is %s", task.name, request.id, status)
        raise SetAside
    if status:
        logger.info("%s[%s] does not run: the status on record is %s", task.name, request.id, status)
        raise Ignore


def _status_without_a_record(task: Task[Any, Any], request: Context, again: bool) -> str | None:
    """Return what keeps a task from running that is not a job: its job's status when it is part of one, or its own."""
    if of := request.get("part_of"):
        status = records.status_of(of)
        if status in {states.REVOKED, UNKNOWN}:
            return status
    # A chain has failed as a whole with the task that runs out of its time after it has sent the next one. Of a chord,
    # the other tasks may still have to hear of a failure.
    if (of or again) and not request.chord and not request.ignore_result:
        own = task.backend.get_task_meta(str(request.id), cache=False)
        if own["status"] == states.FAILURE:
            return states.FAILURE
    return None


def patiently(call: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Make a call again and again while a service is down, for so many seconds at most."""
    deadline = time.monotonic() + patience
    for attempt in range(1000):
        try:
            return call()
        except unavailable() as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("the record waits: %s: %s", type(error).__name__, error)
            time.sleep(get_exponential_backoff_interval(factor=1, retries=attempt, maximum=3))
    raise AssertionError


def _finish(request: Context | None, finish: Callable[[str], None], patience: float = PATIENCE_OF_MAIN) -> None:
    if request is None or not request.get("job"):
        return
    try:
        patiently(partial(finish, str(request.id)), patience)
    except Exception:
        # Whoever asks is answered from the result backend.
        logger.exception("the record of job %s is behind", request.id)


def _note(status: str, error: BaseException | None, task_id: str) -> None:
    records.finish(task_id, status, error_of(error) if error else None)


def _note_what_the_result_says(status: str, error: BaseException | None, task_id: str) -> None:
    """Note an end that may come at the same moment as another one: of those, the result keeps one."""
    meta = current_app.backend.get_task_meta(task_id, cache=False)
    if meta["status"] in FINAL - {status}:
        _as_the_result_says(meta, task_id)
    else:
        # This task may keep no results: then nothing is overruled.
        records.finish(task_id, status, error_of(error) if error else None, overrule=meta["status"] == status)


def _as_the_result_says(meta: dict[str, Any], task_id: str) -> None:
    records.finish(task_id, meta["status"], error_in(meta), overrule=True)


@task_success.connect
def succeeded(sender: Task[Any, Any], **_: Any) -> None:
    """Note that a job has succeeded."""
    _finish(sender.request, partial(records.finish, status=states.SUCCESS, overrule=True), PATIENCE)


@task_failure.connect
def failed(sender: Task[Any, Any], task_id: str, exception: BaseException, **_: Any) -> None:
    """Note that a job has failed for good; in a worker's main process when its own was killed."""
    _finish(_request_of(sender, task_id), partial(_note_what_the_result_says, states.FAILURE, exception))


@task_retry.connect
def retried(request: Context, reason: Any = None, **_: Any) -> None:
    """Note that a job is tried again, and why."""
    _finish(request, partial(_note, states.RETRY, getattr(reason, "exc", None)))


@task_revoked.connect
def revoked(request: Context, **_: Any) -> None:
    """Note that a job was stopped, or had expired before it began."""
    _finish(request, partial(_note_what_the_result_says, states.REVOKED, None))


def given_back(task: Task[Any, Any], headers: dict[str, Any], hostname: str, run: str) -> None:
    """Note that a worker gives a message back whose task had begun: it is no sign that the task kills its workers.

    Args:
        task: The task.
        headers: The message's.
        hostname: The worker's name.
        run: What tells this time from others.
    """
    request = Context(headers)
    task_id = str(request.id)
    runs.give_back(task_id, run)
    if not request.ignore_result:
        meta = task.backend.get_task_meta(task_id, cache=False)
        told = meta["result"] if isinstance(meta["result"], dict) else {}
        # It may have ended. Or it runs again elsewhere, for this worker has noticed late that its connection was lost.
        if meta["status"] in FINAL or told.get("hostname", hostname) != hostname:
            return
        task.backend.store_result(task_id, None, QUEUED)
    if request.get("job"):
        records.finish(task_id, QUEUED)


def lost(headers: dict[str, Any] | None, error: BaseException) -> None:
    """Note that a job has failed whose message is none that a worker can call a task with."""
    _finish(Context(headers or {}), partial(_note, states.FAILURE, error))


def ended(headers: dict[str, Any], meta: dict[str, Any]) -> None:
    """Note that a job has ended as its result says; the process that ran it was lost, maybe before it could."""
    _finish(Context(headers), partial(_as_the_result_says, meta))


def _request_of(task: Task[Any, Any], task_id: str) -> Context | None:
    # A hard time limit strikes in the main process, where no message is running.
    from celery.worker.state import requests

    running = task.request
    if running.id == task_id:
        return running
    known = requests.get(task_id)
    return Context(known.request_dict) if known else None
