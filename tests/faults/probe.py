"""The tasks that a project under stress gets, in modules that nothing else in it knows."""

PROBE = '''\
"""Tasks that die, wait, fail and leave traces: a line in the file `path` for each thing that they do."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_failure

from app.core.celery import celery_app
from app.tasks.base import BaseTask


def trace(path: str, line: str) -> None:
    """Add a line."""
    with Path(path).open("a") as file:
        file.write(f"{line}\\n")


def count(path: str) -> int:
    """Return how many lines there are."""
    return len(Path(path).read_text().splitlines())


@celery_app.task(bind=True, public=True)
def note(self: BaseTask, path: str, line: str = "") -> str:
    """Leave a line, by default the task's id."""
    trace(path, line or str(self.request.id))
    return line


@celery_app.task(bind=True, public=True, default_retry_delay=1)
def dies_at_first(self: BaseTask, path: str) -> int:
    """Lose its process the first time; say the second time how often it was begun."""
    trace(path, str(self.request.id))
    times = count(path)
    if times == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return times


@celery_app.task(bind=True, public=True)
def hangs_at_first(self: BaseTask, path: str) -> int:
    """Take very long the first time."""
    trace(path, str(self.request.id))
    times = count(path)
    if times == 1:
        time.sleep(600)
    return times


@celery_app.task(bind=True, public=True)
def waits_for_release(self: BaseTask, path: str, release: str) -> int:
    """Run until there is a file, and say how often that was begun."""
    trace(path, str(self.request.id))
    while not Path(release).exists():
        self.progress(count(path), 100)
        time.sleep(0.1)
    return count(path)


@celery_app.task(bind=True, public=True, ignore_result=True)
def waits_in_silence(self: BaseTask, path: str, release: str) -> None:
    """Do the same, and keep no result."""
    trace(path, str(self.request.id))
    while not Path(release).exists():
        time.sleep(0.1)


@celery_app.task(public=True, soft_time_limit=4, time_limit=5)
def cleans_up_for_long() -> None:
    """Go on after the soft time limit, until a moment after the hard one."""
    try:
        time.sleep(600)
    except SoftTimeLimitExceeded:
        time.sleep(1.2)
        raise


@celery_app.task(bind=True, public=True, default_retry_delay=1, dead_letter=True)
def kills_its_process(self: BaseTask, path: str) -> None:
    """Lose its process each time."""
    trace(path, str(self.request.id))
    os.kill(os.getpid(), signal.SIGKILL)


@celery_app.task(bind=True, public=True, dead_letter=True)
def kills_its_worker(self: BaseTask, path: str) -> None:
    """Take the whole worker along each time, as a machine that runs out of memory does."""
    trace(path, str(self.request.id))
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@celery_app.task(bind=True, public=True)
def hold(self: BaseTask, path: str, seconds: float) -> float:
    """Leave a line, wait, and leave another one."""
    trace(path, f"begun {self.request.id}")
    time.sleep(seconds)
    trace(path, f"ended {self.request.id}")
    return seconds


@celery_app.task(bind=True, public=True)
def comes_back(self: BaseTask, path: str, countdown: float) -> int:
    """Take a while, and do so again after some seconds."""
    trace(path, f"begun {self.request.retries}")
    time.sleep(2.5)
    trace(path, f"ended {self.request.retries}")
    if not self.request.retries:
        raise self.retry(countdown=countdown)
    return self.request.retries


@celery_app.task(public=True, dead_letter=True)
def broken(path: str) -> str:
    """Fail until somebody makes the file."""
    if not Path(path).exists():
        error = "not fixed yet"
        raise ValueError(error)
    return "fixed"


@celery_app.task(public=True, dead_letter=True)
def fails_and_lingers(path: str) -> None:
    """Fail, and keep the process busy when the end is stored, until there is a file."""
    error = "on purpose"
    raise ValueError(error)


@task_failure.connect(sender=fails_and_lingers)
def linger(kwargs: dict[str, Any], **_: Any) -> None:
    """Wait."""
    while not Path(kwargs["path"]).exists():
        time.sleep(0.05)


@celery_app.task(bind=True, name="datasync.refresh", public=True)
def refresh(self: BaseTask) -> str:
    """Say which worker has run it."""
    return str(self.request.hostname)


@celery_app.task(bind=True, public=True)
def whereabouts(self: BaseTask) -> str:
    """Do the same in the default queue."""
    return str(self.request.hostname)
'''
