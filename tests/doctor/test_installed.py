"""Projects after `make install`, with the servers that `make dev` needs: none."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.servers import free_port

from .examined import TOOLS, doctor, environment, forge

pytestmark = pytest.mark.boot

START_SECONDS = 60.0
UNKNOWN_TASK = """
beat_schedule["nightly"] = {"task": "app.tasks.reports.nightly", "schedule": crontab(hour=3)}
beat_schedule["greet"] = {"task": "app.tasks.example_task.send_notification", "schedule": 60.0, "args": [1]}
"""
LOST_TASK = '''
@celery_app.task(queue="nowhere")
def lost() -> None:
    """Go to a queue that there is not."""
'''
SERVERS = {
    "ENVIRONMENT": "production",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/1",
    "DATABASE_URL": "postgresql+psycopg://app:unusual-word@127.0.0.1:1/app",
    "API_KEYS": f"first:default:{64 * 'a'}",
    "FLOWER_BASIC_AUTH": "operator:unusual-word",
    "BACKUP_S3_ENDPOINT_URL": "https://objects.example.com",
}


def append(file: Path, text: str) -> None:
    """Add lines to a file."""
    file.write_text(file.read_text() + text)


def test_nothing_keeps_a_fresh_project_from_running(installed: Path) -> None:
    ran = forge("doctor", installed)
    assert ran.returncode == 0, ran.stdout
    assert "problem " not in ran.stdout
    assert "`make dev` needs no server for that." in ran.stdout
    assert "No worker runs; `make dev` starts one." in ran.stdout
    assert "The settings, the tasks and the API can be imported." in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("Nothing keeps it from running: `make dev` starts it")
    assert not (installed / ".dev/app.db").exists()  # nothing was made by looking


def test_a_project_that_runs_is_not_in_its_own_way(installed: Path, tmp_path: Path) -> None:
    port = str(free_port())
    command = ["make", "dev", f"PORT={port}"]
    with Process(command, cwd=installed, environment=environment(), log=tmp_path / "dev.log") as dev:

        def runs() -> bool:
            dev.expect_alive()
            examined = doctor(installed, {"PORT": port})
            assert examined.code == 0, examined.printed
            return examined.of("queues.workers").text == "Workers consume every queue: ai, datasync, default." and (
                examined.of(f"ports.{port}").text == f"Port {port} is in use by the project itself, which is running."
            )

        try:
            wait_for("the doctor sees the project run", runs, within=START_SECONDS, every=1.0)
        finally:
            os.killpg(dev.process.pid, signal.SIGINT)  # which ends what runs in sessions of its own too
            dev.process.wait(START_SECONDS)


@pytest.mark.parametrize(
    ("file", "text", "check", "said", "remedy"),
    [
        ("app/api.py", "\ndef broken(:\n", "api", "SyntaxError: invalid syntax (`app/api.py`, line ", "Fix what"),
        ("app/tasks/example_task.py", "\nimport not_there\n", "tasks",
         "ModuleNotFoundError: No module named 'not_there' (`app/tasks/example_task.py`, line ", "Run `make install`"),
        ("app/core/queues.py", "\nraise OSError('on purpose')\n", "celery", "OSError: on purpose", "Fix what"),
        ("app/core/config/app.py", "\n<<<<<<< before updating\n", "settings", "SyntaxError", "Fix what"),
    ],
)  # fmt: skip
def test_a_project_that_cannot_be_imported_is_a_sentence(
    edited: Path, file: str, text: str, check: str, said: str, remedy: str
) -> None:
    append(edited / file, text)
    examined = doctor(edited)
    assert f"project.{check}" in examined.problems()
    finding = examined.findings[f"project.{check}"][0]
    assert said in finding.text
    assert finding.remedy
    assert finding.remedy.startswith(remedy)
    assert "Traceback" not in examined.printed


def test_a_module_that_ends_the_process_is_a_sentence(edited: Path) -> None:
    append(edited / "app/api.py", "\nimport os\nprint('not for all eyes', flush=True)\nos._exit(7)\n")
    examined = doctor(edited)
    assert examined.of("project.imports").text == "The API ended the process with 7."
    assert "not for all eyes" not in examined.printed


def test_whoever_interrupts_the_doctor_does_not_wait_for_the_project(edited: Path, tmp_path: Path) -> None:
    append(
        edited / "app/api.py",
        f"\nimport pathlib, time\npathlib.Path({str(tmp_path / 'here')!r}).touch()\ntime.sleep(60)\n",
    )
    command = [str(TOOLS / "forge"), "doctor", str(edited)]
    with Process(command, cwd=tmp_path, environment=environment(), log=tmp_path / "doctor.log") as running:
        wait_for("the project is being imported", (tmp_path / "here").exists, within=START_SECONDS)
        running.terminate()
        assert running.exit_code(within=5) == 130
        running.expect_no_orphan()


def test_entries_of_the_schedule_that_cannot_run_are_named(edited: Path) -> None:
    append(edited / "app/core/schedule.py", UNKNOWN_TASK)
    examined = doctor(edited)
    assert examined.problems() == {"schedule.entries"}
    unknown, wrong = sorted(examined.findings["schedule.entries"], key=lambda said: said.text, reverse=True)
    assert unknown.text == (
        "The entry `nightly` of the schedule cannot run: no task is registered as `app.tasks.reports.nightly`."
    )
    assert "The entry `greet` of the schedule cannot run: TypeError: missing a required argument" in wrong.text


def test_a_task_that_goes_to_a_queue_which_is_not_there_is_named(edited: Path) -> None:
    append(edited / "app/tasks/example_task.py", LOST_TASK)
    said = doctor(edited).of("queues.routes")
    assert said.text == "The task `app.tasks.example_task.lost` goes to the queue `nowhere`, which does not exist."


def test_settings_that_production_lacks_are_named(installed: Path) -> None:
    said = doctor(installed, {"ENVIRONMENT": "production"}).of("project.settings")
    assert said.text == "The settings cannot be used: CELERY_BROKER_URL is not set; CELERY_RESULT_BACKEND is not set."
    examined = doctor(installed, {**SERVERS, "API_KEYS": "", "FLOWER_BASIC_AUTH": ""})
    assert examined.of("project.api").text == "The API cannot be used: API_KEYS is not set."
    assert examined.of("project.flower").level == "warning"


def test_a_database_in_a_file_is_not_made_by_looking(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    examined = doctor(installed, {**SERVERS, "DATABASE_URL": f"sqlite:///{file}"})
    assert examined.of("servers.database").level == "ok"
    assert examined.of("servers.migrations").remedy == "Run `make migrate`."
    assert not file.exists()

    nowhere = doctor(installed, {**SERVERS, "DATABASE_URL": f"sqlite:///{tmp_path}/nowhere/app.db"})
    assert f"the directory `{tmp_path}/nowhere` is not there" in nowhere.of("servers.database").text


def test_settings_in_env_are_read_as_the_project_reads_them(edited: Path) -> None:
    lines = [f"{name}='{value}' # of this machine" for name, value in SERVERS.items()]
    (edited / ".env").write_text("\n".join(["# Of this machine.", *lines, ""]))
    examined = doctor(edited)
    assert '"environment": "production"' in examined.printed
    assert examined.problems() == {"servers.broker", "servers.results", "servers.database", "secrets.file"}
    assert examined.of("project.imports").level == "ok"


def test_secrets_that_everybody_knows_are_a_problem_in_production_and_are_not_printed(edited: Path) -> None:
    development = forge("doctor", edited).stdout
    assert "everybody knows" not in development
    script = "from app.core.config.auth import AuthSettings as auth; print(auth.embedded['API_KEYS'])"
    key = printed_by(edited, script).removesuffix(":admin")
    known = {
        "CELERY_BROKER_URL": "redis://:change-me@127.0.0.1:1/0",
        "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/1",
        "DATABASE_URL": "postgresql+psycopg://app:gu%65st@127.0.0.1:1/app",
        "API_KEYS": key,
        "FLOWER_BASIC_AUTH": "flower:flower",
    }
    examined = doctor(edited, SERVERS | known)
    said = {each.text.split()[0]: each for each in examined.findings["secrets.known"]}
    assert said.keys() == known.keys() - {"CELERY_RESULT_BACKEND"}
    assert {each.level for each in said.values()} == {"problem"}
    assert said["API_KEYS"].text == "API_KEYS contains the development key."
    assert examined.of("secrets.missing").text == "CELERY_RESULT_BACKEND has no password."
    assert not [secret for secret in ("change-me", "gu%65st", "guest", "flower:", key) if secret in examined.printed]

    assert doctor(edited, SERVERS).problems() == {"servers.broker", "servers.results", "servers.database"}


@pytest.mark.parametrize(
    ("setting", "address", "check"),
    [
        ("DATABASE_URL", "postgresql+psycopg://app:pa:ss/sesame@rd@127.0.0.1:1/app", "servers.database"),
        ("DATABASE_URL", "postgresql+psycopg://app:pass@sesame@127.0.0.1:1/app", "servers.database"),
        ("CELERY_BROKER_URL", "redis://:12/sesame@127.0.0.1:1/0", "servers.broker"),
        ("CELERY_BROKER_URL", "redis://:12?sesame@127.0.0.1:1/0", "servers.broker"),
    ],
)
def test_an_address_whose_password_is_not_quoted_is_read_and_printed_without_it(
    installed: Path, setting: str, address: str, check: str
) -> None:
    examined = doctor(installed, {**SERVERS, setting: address})
    assert "@" not in examined.of(check).text
    assert examined.of(check).text.endswith(" cannot be reached.")
    assert "sesame" not in examined.printed


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("DATABASE_URL", "postgresql+psycopg://app:sesame@host:port/app"),
        ("DATABASE_URL", "sesame"),
        ("CELERY_BROKER_URL", "redis:/:sesame@127.0.0.1:1/0"),
        ("CELERY_BROKER_URL", "redis://:sesame@[::1/0"),
        ("CELERY_RESULT_BACKEND", "redis://:sesame@host:99999999/0"),
    ],
)
def test_an_address_that_cannot_be_read_is_named_without_its_password(
    installed: Path, setting: str, address: str
) -> None:
    examined = doctor(installed, {**SERVERS, setting: address})
    assert examined.of("project.settings").text.startswith(f"The settings cannot be used: {setting}: ")
    assert "sesame" not in examined.printed


def printed_by(project: Path, script: str) -> str:
    """What a line of the project's own code prints."""
    command = [str(project / ".venv/bin/python"), "-c", script]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()
