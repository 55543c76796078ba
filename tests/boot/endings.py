"""The last promises to a booted variant: what its processes show, how they end, and what they leave behind."""

import re
from urllib.parse import quote

from .booted import Booted
from .polling import wait_for
from .processes import command_lines

STOP_SECONDS = 40.0
HELD_SECONDS = 1.5

# What is sent by the scheduler or by another task, and not by the API.
SENT_BY_ITSELF = {
    "app.tasks.boot_probe.tick",
    "app.tasks.example_task.report_free_space",
    "app.tasks.workflow_task.add",
    "app.tasks.workflow_task.log_success",
    "celery.chord_unlock",
    "datasync.count_words",
}

# As our own logging, Python and Flower write it.
TROUBLE = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b|Exception ignored|^\[[EC] \d{6} ", re.MULTILINE)

# What each process exits with after SIGTERM. uvicorn ends in order and then sends itself the signal again, so that its
# parent knows what ended it.
EXIT_CODES = {"api": -15, "worker": 0, "beat": 0, "flower": 0}


def hidden_passwords(booted: Booted) -> None:
    """No password is seen in a command line."""
    seen = command_lines()
    assert "app.main:app" in seen, seen
    _expect_no_secret(booted, "a command line", seen)


def sigterm(booted: Booted) -> None:
    """SIGTERM ends every process in order: the worker finishes its task, and nothing stays behind."""
    held = booted.directory / "held"
    task_id = booted.api.enqueue("boot_probe.hold", path=str(held), seconds=HELD_SECONDS)
    wait_for("the long task has begun", held.exists, within=10)
    # The API goes last: it tells that the worker has finished what it had begun.
    others = [process for name, process in booted.processes.items() if name != "api"]
    for process in others:
        process.terminate()
    codes = {process.name: process.exit_code(within=STOP_SECONDS) for process in others}
    result = booted.api.result(task_id)
    assert result == {"held": HELD_SECONDS}, result
    booted.processes["api"].terminate()
    codes["api"] = booted.processes["api"].exit_code(within=STOP_SECONDS)
    assert codes == {name: EXIT_CODES[name] for name in booted.processes}, codes
    for process in booted.processes.values():
        process.expect_no_orphan()


def delivered(booted: Booted) -> None:
    """The worker received what the API accepted, and nothing that it refused."""
    log = booted.processes["worker"].output()
    received = {
        task_id
        for name, task_id in re.findall(r"Task ([\w.]+)\[([0-9a-f-]{36})\] received", log)
        if name not in SENT_BY_ITSELF
    }
    assert received == set(booted.api.accepted), received ^ set(booted.api.accepted)


def clean_logs(booted: Booted) -> None:
    """No process printed a password, or an error that nobody provoked."""
    for name, path in booted.logs().items():
        log = path.read_text(errors="replace")
        _expect_no_secret(booted, f"the log of {name}", log)
        records = re.split(r'^(?=\{"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)', log, flags=re.MULTILINE)
        for record in records:
            provoked = any(task_id in record for task_id in booted.fails_on_purpose)
            assert provoked or not TROUBLE.search(record), f"{name} printed: {record}"


def _expect_no_secret(booted: Booted, where: str, text: str) -> None:
    for secret in booted.secrets():
        for written in (secret, quote(secret, safe=""), quote(secret)):
            assert written not in text, f"a password is in {where}"
