"""The scripts of a pipeline do here what they do there: each runs as it stands, the tests on real servers."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from uv import find_uv_bin

from forge_cli import questions
from forge_cli.questions import Answers
from tests.boot.project import outside_environment
from tests.boot.run import Endpoint, Run
from tests.boot.servers import Server, password
from tests.boot.supervisor import RUN_VARIABLE, SERVERS
from tests.boot.test_boot import require
from tests.boot.variants import Variant
from tests.options import label, render
from tests.test_stack import reason_to_skip

from .reading import jobs

STEP_SECONDS = 900.0  # with a cold cache, the first one installs everything
SHELL = {"github": "bash", "gitlab": "sh"}

# Each broker, each database, each place for results and each scheduler, and all servers that one project can have.
ON_SERVERS: list[Answers] = [
    {"ci": "github", "broker": "redis", "database": "postgresql", "result_backend": "database", "beat": "redis"},
    {"ci": "gitlab", "broker": "rabbitmq", "database": "mysql", "result_backend": "redis", "beat": "database"},
    {"ci": "gitlab", "broker": "rabbitmq", "database": "sqlite", "result_backend": "database", "beat": "file"},
    {"ci": "github", "broker": "redis", "database": "none", "result_backend": "redis", "beat": "none"},
]
INDEX = 60  # of the first one; each has an account of its own


@contextmanager
def servers_of(variant: Variant, run: Run) -> Iterator[dict[str, Endpoint]]:
    """Run the servers that a project needs, for it alone."""
    run.watch()
    place = run.directory / "pipelines" / str(variant.index)
    place.mkdir(parents=True)
    for folder in (place, place.parent):
        folder.chmod(0o711)  # PostgreSQL's and MariaDB's users pass through it
    with ExitStack() as stack:
        started: dict[str, Server] = {}
        for name in sorted(variant.servers):
            require(name)
            server = SERVERS[name](place, {variant.account: password()}, {RUN_VARIABLE: str(run.directory)})
            stack.callback(server.stop)
            server.start()
            started[name] = server
        yield {name: Endpoint(server.port, server.accounts) for name, server in started.items()}


def step(script: str, project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the pipeline's service does, with uv in reach."""
    shell = "sh" if (project / ".gitlab-ci.yml").exists() else "bash"
    programs = project.parent / "bin"
    if not programs.exists():
        programs.mkdir()
        (programs / "uv").symlink_to(find_uv_bin())
    return subprocess.run(
        [shell, "-e", "-c", script],
        cwd=project,
        env=outside_environment() | {"PATH": f"{programs}{os.pathsep}{os.defpath}"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STEP_SECONDS,
    )


@pytest.mark.boot
@pytest.mark.parametrize("number", range(len(ON_SERVERS)), ids=lambda number: label(ON_SERVERS[number]))
def test_the_tests_pass_on_the_servers_of_the_pipeline(number: int, boot_run: Run, tmp_path: Path) -> None:
    answers = questions.complete({"project_name": "Demo Project", **ON_SERVERS[number]})
    variant = Variant(INDEX + number, answers)
    project = render(answers, tmp_path / "project")
    job = jobs(project)["servers"]
    with servers_of(variant, boot_run) as endpoints:
        real = {f"TEST_{name}": url for name, url in variant.environment(endpoints, tmp_path).items()}
        environment = {name: real[name] for name in job.environment} | {RUN_VARIABLE: str(boot_run.directory)}

        for script in job.scripts:
            done = step(script, project, **environment)
            assert done.returncode == 0, f"{script}\n{done.stdout}"

        assert " passed" in done.stdout
