"""Docker Compose: two stacks that share few answers, started, used and taken down, on whatever engine there is."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from forge_cli import questions
from forge_cli.questions import Answers
from tests.boot.polling import wait_for
from tests.boot.processes import Process
from tests.boot.servers import free_port
from tests.options import label
from tests.options import render as render_to

STACKS: list[Answers] = [
    {"project_name": "Stack One"},
    {
        "project_name": "Stack Two",
        "description": "Another one.",
        "author_name": "Somebody Else",
        "author_email": "else@example.com",
        "license": "apache-2.0",
        "python_version": "3.12",
        "broker": "rabbitmq",
        "database": "mysql",
        "result_backend": "database",
        "beat": "redis",
        "auth": "jwt",
        "flower": False,
        "ci": "gitlab",
    },
]
DEADLINE = 60.0  # seconds
BUILD_SECONDS = 300.0


class Stack:
    """A project that runs in Docker."""

    def __init__(self, project: Path, answers: Answers) -> None:
        self.project = project
        self.answers = answers
        self.config: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text())
        self.image: str = self.config["services"]["api"]["image"]
        ports = {"API_PORT": free_port(), "FLOWER_PORT": free_port()}
        self.environment = {**os.environ, **{name: str(port) for name, port in ports.items()}}
        self.api = f"http://127.0.0.1:{ports['API_PORT']}"
        self.headers: dict[str, str] = {}
        self.flower = f"http://127.0.0.1:{ports['FLOWER_PORT']}"

    def compose(self, *command: str, check: bool = True) -> str:
        """Run `docker compose` in the project and return what it prints."""
        return run("docker", "compose", *command, cwd=self.project, env=self.environment, check=check)

    def containers(self) -> list[dict[str, Any]]:
        """Every container of the project, as `docker inspect` sees it."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids))
        return found

    def service(self, container: dict[str, Any]) -> str:
        """The service that a container belongs to."""
        return str(container["Config"]["Labels"]["com.docker.compose.service"])

    def passwords(self) -> dict[str, str]:
        """The passwords and the secret in the project's .env."""
        lines = (self.project / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "PASSWORD=" in line or "SECRET=" in line)

    def log_in(self, made: str) -> None:
        """Take the credential that `make up` printed, or that `app token` makes."""
        if key := re.search(r"first\.[0-9a-f]{64}", made):
            self.headers = {"X-API-Key": key.group()}
            return
        token = self.compose("exec", "api", "app", "token", "--organization", "default").strip()
        self.headers = {"Authorization": f"Bearer {token}"}

    def client(self) -> httpx.Client:
        """A client of the API that is let in."""
        return httpx.Client(base_url=self.api, headers=self.headers)


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None, check: bool = True) -> str:
    """Run a command and return what it prints; show it all when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if check:
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def images(project: Path) -> set[str]:
    """The public images that a project builds on and runs."""
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"].values()
    bases = [line.split()[1] for line in (project / "Dockerfile").read_text().splitlines() if line.startswith("FROM")]
    return {service["image"] for service in services if service.get("pull_policy") is None} | set(bases)


def reason_to_skip(project: Path) -> str:
    """Why a stack cannot be started here; nothing when it can."""
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
        return "no Docker Engine answers"
    for image in images(project):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode and (
            subprocess.run(["docker", "pull", "--quiet", image], capture_output=True).returncode
        ):
            return f"the image {image} is neither here nor can it be pulled"
    return ""


@pytest.mark.stack
@pytest.mark.parametrize("answers", STACKS, ids=label)
def test_a_stack_starts_as_the_readme_says_and_keeps_every_promise(answers: Answers, tmp_path: Path) -> None:
    project = render_to(answers, tmp_path / "project")
    if reason := reason_to_skip(project):
        pytest.skip(reason)
    stack = Stack(project, answers)
    run("chmod", "--recursive", "go=", str(project))  # as whoever has a strict umask clones it
    try:
        stack.log_in(run("make", "up", cwd=project, env=stack.environment))
        for promise in PROMISES:
            promise(stack)
    finally:
        stack.compose("down", "--volumes", "--rmi", "local", "--timeout", "60", check=False)


SAVED = '''\
"""A task that was saved while the containers ran."""

from app.core.celery import celery_app


@celery_app.task(public=True)
def double(number: int) -> int:
    """Double a number."""
    return 2 * number
'''


@pytest.mark.stack
def test_what_is_saved_runs_in_containers_that_watch(tmp_path: Path) -> None:
    project = render_to({"project_name": "Stack Three"}, tmp_path / "project")
    if reason := reason_to_skip(project):
        pytest.skip(reason)
    stack = Stack(project, {})
    log = tmp_path / "watch.log"
    stack.log_in(run("make", ".env", cwd=project))
    try:
        with Process(["make", "watch"], cwd=project, environment=stack.environment, log=log) as watching:
            wait_for("the API answers", lambda: alive(stack), within=BUILD_SECONDS, every=1)
            (project / "app/tasks/saved.py").write_text(SAVED)
            with stack.client() as api:
                task_id = wait_for("the API knows the task", lambda: doubled(api, 4), within=DEADLINE, every=1)
                assert finished(api, task_id)["result"] == 8
            watching.expect_alive()
    finally:
        files = ("--file", "compose.yaml", "--file", "compose.watch.yaml")
        stack.compose(*files, "down", "--volumes", "--rmi", "local", "--timeout", "60", check=False)


def alive(stack: Stack) -> bool:
    """Whether the API answers."""
    try:
        return httpx.get(f"{stack.api}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def doubled(api: httpx.Client, number: int) -> str:
    """The id of the new task, once there is an API that knows it."""
    try:
        answer = api.post("/tasks/app.tasks.saved.double", json={"number": number})
    except httpx.TransportError:
        return ""
    return str(answer.json()["task_id"]) if answer.status_code == 202 else ""


def test_the_two_stacks_share_what_is_tested_here_and_no_other_answer() -> None:
    one, two = (questions.complete(answers) for answers in STACKS)
    assert {question.name for question in questions.asked() if one[question.name] == two[question.name]} == {
        "backup",
        "docker",
    }


def every_service_is_healthy_and_the_migration_has_ended(stack: Stack) -> None:
    """Every service is healthy and the migration has ended."""
    for container in stack.containers():
        state = container["State"]
        if stack.service(container) == "migrate":
            assert (state["Status"], state["ExitCode"]) == ("exited", 0)
        else:
            assert state["Health"]["Status"] == "healthy", stack.service(container)


def a_task_goes_through_the_api_to_a_worker_and_back(stack: Stack) -> None:
    """A task goes through the API to a worker and back."""
    with stack.client() as api:
        assert api.get("/health/ready").json()["status"] == "ok"
        queued = api.post("/notify", json={"user_id": 1, "message": "hello"})
        assert queued.status_code == 202
        assert finished(api, queued.json()["task_id"])["result"] == {"status": "sent", "user_id": 1}
        record = api.post("/tasks/app.tasks.database_task.process_user_data_async", json={"user_id": 1})
        assert finished(api, record.json()["task_id"])["status"] == "SUCCESS"


def finished(api: httpx.Client, task_id: str) -> dict[str, Any]:
    """The status of a task that has ended."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        status: dict[str, Any] = api.get(f"/tasks/{task_id}").json()
        if status["status"] in {"SUCCESS", "FAILURE"}:
            return status
        time.sleep(0.1)
    raise AssertionError(f"task {task_id} has not ended: {status}")


def a_stranger_is_refused(stack: Stack) -> None:
    """A stranger is refused."""
    stranger = httpx.post(f"{stack.api}/notify", json={"user_id": 1, "message": "hello"})
    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"]


def no_process_of_the_application_is_root_or_can_write_its_code(stack: Stack) -> None:
    """No process of the application is root or can write its code."""
    for container in stack.containers():
        if container["Config"]["Image"] != stack.image or not container["State"]["Running"]:
            continue
        assert stack.compose("exec", stack.service(container), "id", "--user").strip() == "10001"
        assert container["HostConfig"]["ReadonlyRootfs"]
        assert container["HostConfig"]["CapDrop"] == ["ALL"]


def any_user_of_group_0_can_run_it(stack: Stack) -> None:
    """Kubernetes is told by number that the user is not root, and OpenShift may take any other in group 0."""
    assert run("docker", "image", "inspect", "--format", "{{.Config.User}}", stack.image).strip() == "10001"
    writes = "touch /data/x && app backup && app backups && alembic current"
    other = ("run", "--rm", "--user", "1000670000:0", "--volume", "/srv/backups", "--volume", "/data")
    stack.compose(*other, "worker", "sh", "-c", writes)


def the_image_holds_no_compiler_no_development_dependency_and_no_secret(stack: Stack) -> None:
    """The image holds no compiler no development dependency and no secret."""
    image = stack.image
    look = "ls -A /srv /srv/.venv/bin; command -v gcc cc make uv; true"
    inside = run("docker", "run", "--rm", "--entrypoint", "sh", image, "-c", look).split()
    history = run("docker", "history", "--no-trunc", image) + run("docker", "inspect", image)

    assert {"celery", "uvicorn", "app"} <= set(inside)
    assert not {"pytest", "mypy", "ruff", "watchfiles", "uv", ".env", "tests"} & set(inside)
    assert not [path for path in inside if path.endswith(("/gcc", "/cc", "/make", "/uv"))]
    assert not [name for name, password in stack.passwords().items() if password in history]


def no_password_stands_in_a_command_line(stack: Stack) -> None:
    """No password stands in a command line."""
    assert stack.passwords()
    for container in stack.containers():
        if container["State"]["Running"]:
            processes = run("docker", "top", container["Id"], "-eo", "pid,args")
            assert not [name for name, password in stack.passwords().items() if password in processes]


def flower_asks_for_the_password(stack: Stack) -> None:
    """Flower asks for the password."""
    if not stack.answers.get("flower", True):
        assert "flower" not in stack.config["services"]
        return
    assert httpx.get(f"{stack.flower}/api/workers").status_code == 401
    operator = ("flower", stack.passwords()["FLOWER_PASSWORD"])
    answer = httpx.get(f"{stack.flower}/api/workers?refresh=1", auth=operator)
    assert answer.status_code == 200
    assert len(answer.json()) == 1


def an_operator_adds_a_schedule(stack: Stack) -> None:
    """An operator adds a schedule while the scheduler runs, and it runs."""
    if stack.answers.get("beat", "file") == "file":
        return
    task = "app.tasks.example_task.report_free_space"
    stack.compose("exec", "api", "app", "schedules", "add", "space", "--task", task, "--every", "1")

    def has_run() -> bool:
        return f"{task}[" in stack.compose("logs", "worker")

    wait_for("the schedule has run", has_run, within=DEADLINE, every=1)


def a_backup_brings_the_rows_back(stack: Stack) -> None:
    """A backup brings the rows back, by the commands of docs/operations.md, and a drill finds them all."""
    assert records(stack, user_id=9) == 1
    stack.compose("exec", "worker", "app", "backup")
    assert "ok" in stack.compose("exec", "worker", "app", "backups")
    stack.compose("exec", "worker", "app", "backups", "drill")
    assert records(stack, user_id=9) == 2

    stack.compose("stop", "api", "worker", "beat")
    stack.compose("run", "--rm", "worker", "app", "restore", "latest", "--force", "--yes")
    stack.compose("up", "--detach", "--wait")
    assert records(stack, user_id=9) == 2


def records(stack: Stack, user_id: int) -> int:
    """Add a record of a user, and return how many there are."""
    with stack.client() as api:
        sent = api.post("/tasks/app.tasks.database_task.process_user_data", json={"user_id": user_id})
        return int(finished(api, sent.json()["task_id"])["result"]["records"])


def workers_can_be_added(stack: Stack) -> None:
    """Workers can be added."""
    stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "worker=3")
    workers = [container for container in stack.containers() if stack.service(container) == "worker"]
    assert [worker["State"]["Health"]["Status"] for worker in workers] == ["healthy"] * 3


def the_data_survives_and_nothing_is_left_after_down(stack: Stack) -> None:
    """The data survives and nothing is left after down."""
    stack.compose("down", "--timeout", "60")
    assert stack.compose("ps", "--all", "--quiet") == ""
    names = run("docker", "volume", "ls", "--quiet", "--filter", f"name={stack.config['name']}_").split()
    assert len(names) == len(stack.config["volumes"])

    stack.compose("up", "--detach", "--wait")
    with stack.client() as api:
        again = api.post("/tasks/app.tasks.database_task.process_user_data", json={"user_id": 1})
        assert finished(api, again.json()["task_id"])["result"] == {"user_id": 1, "records": 2}


PROMISES: list[Callable[[Stack], None]] = [
    every_service_is_healthy_and_the_migration_has_ended,
    a_task_goes_through_the_api_to_a_worker_and_back,
    a_stranger_is_refused,
    no_process_of_the_application_is_root_or_can_write_its_code,
    any_user_of_group_0_can_run_it,
    the_image_holds_no_compiler_no_development_dependency_and_no_secret,
    no_password_stands_in_a_command_line,
    flower_asks_for_the_password,
    an_operator_adds_a_schedule,
    a_backup_brings_the_rows_back,
    workers_can_be_added,
    the_data_survives_and_nothing_is_left_after_down,
]
