"""`make dev` while its developer saves files."""

import os
import re
import shutil
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

from forge_cli.questions import Answers

from .client import Api
from .polling import PATIENCE, wait_for
from .processes import Process
from .project import Project, outside_environment
from .servers import free_port
from .test_terminal import belonging_to

pytestmark = [pytest.mark.boot, pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")]

START_SECONDS = 40.0
ENTRY = """
beat_schedule["saved"] = {{"task": "app.tasks.saved.tick", "schedule": 1.0, "args": [{path!r}]}}
"""
TASKS = '''\
"""What the test changes."""

import time
from pathlib import Path

from app.core.celery import celery_app


@celery_app.task(public=True)
def version(seconds: float = 0) -> str:
    """Return which code this is, after some time."""
    Path(".dev/begun").open("a").write("x")
    time.sleep(seconds)
    return "first"


@celery_app.task
def tick(path: str) -> None:
    """Note that it has run."""
    Path(path).touch()
'''


def test_a_saved_file_is_what_runs_next(tmp_path: Path) -> None:
    answers: Answers = {"project_name": "demo", "database": "sqlite", "flower": False, "docker": False, "auth": "none"}
    project = Project(tmp_path / "saved", answers)
    project.add_tasks("saved", TASKS)
    tasks = project.root / "app/tasks/saved.py"
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").symlink_to(find_uv_bin())
    environment = outside_environment() | {"PATH": f"{programs}{os.pathsep}{os.defpath}", "PYTHONUNBUFFERED": "1"}
    port = free_port()
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20 * PATIENCE)
    api = Api(client)
    command = ["make", "dev", f"PORT={port}"]
    log = tmp_path / "dev.log"

    browser = socket.socket()
    with client, browser, Process(command, cwd=project.root, environment=environment, log=log) as dev:

        def reloads() -> int:
            return dev.output().count("Warm shutdown")

        def ready(times: int) -> bool:
            dev.expect_alive()
            return len(re.findall(r" ready\.$", dev.output(), re.MULTILINE)) == times

        wait_for("everything has started", lambda: ready(1) and client.get("/health/live"), within=START_SECONDS)

        # A task runs, and a browser follows it.
        running = api.enqueue("saved.version", seconds=15)
        wait_for("the task has begun", (project.root / ".dev/begun").exists, within=10)
        browser.connect(("127.0.0.1", port))
        browser.sendall(f"GET /tasks/{running}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert b"text/event-stream" in browser.recv(1000)

        # Several files within a moment are one save; the scheduler and the worker know what is new.
        tasks.write_text(TASKS.replace('return "first"', 'return "second"'))
        time.sleep(0.05)
        with (project.root / "app/core/schedule.py").open("a") as schedule:
            schedule.write(ENTRY.format(path=str(project.ticks)))
        (project.root / "app/api.py").touch()
        wait_for("the worker has started anew", lambda: ready(2), within=START_SECONDS)
        assert api.result(api.enqueue("saved.version")) == "second"
        wait_for("the scheduler knows the new entry", project.ticks.exists, within=START_SECONDS)
        assert api.result(running, within=30) == "first"
        assert (project.root / ".dev/begun").read_text() == "xx", "a task ran twice"
        assert (reloads(), dev.output().count("changed")) == (1, 1)

        # Files that are not modules of the application, and code that cannot be imported, disturb nothing.
        for stray in (".dev/x.py", "app/tasks/4913", "app/tasks/saved.py~", "app/__pycache__/x.py", "tests/x.py"):
            (project.root / stray).touch()
        (project.root / "app/tasks/.#saved.py").symlink_to("somebody@machine.1")
        time.sleep(2)
        (project.root / "app/tasks/.#saved.py").unlink()
        tasks.write_text(TASKS + "\ndef broken(:\n")
        wait_for("the error is told", lambda: "SyntaxError" in dev.output(), within=START_SECONDS)
        assert api.result(api.enqueue("saved.version")) == "second"
        assert (reloads(), dev.output().count("SyntaxError")) == (1, 1)

        tasks.write_text(TASKS.replace('return "first"', 'return "third"'))
        wait_for("the worker has started anew", lambda: ready(3), within=START_SECONDS)
        assert api.result(api.enqueue("saved.version")) == "third"

        # Ctrl-C while everything ends and starts.
        tasks.touch()
        wait_for("the worker ends", lambda: reloads() == 3, within=START_SECONDS)
        os.killpg(dev.process.pid, signal.SIGINT)
        dev.exit_code(within=20 * PATIENCE)
        left = [" ".join(process.cmdline()) for process in belonging_to(project.root)]
        assert not left
    assert not re.search(r"Exception ignored|KeyboardInterrupt|Stopping anyway", log.read_text())
