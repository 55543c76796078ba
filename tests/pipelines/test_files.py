"""The files of a pipeline, before anything runs: valid, modest, and at one with the rest of the project."""

import re
import subprocess
import sysconfig
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from forge_cli import questions
from forge_cli.questions import Answers
from tests.conftest import Render
from tests.options import covering, label

from .reading import Job, Server, files, jobs

PROGRAMS = Path(sysconfig.get_path("scripts"))
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}

# Any two answers that a pipeline depends on meet in one of these.
WITH_PIPELINE = [
    answers
    for answers in covering("broker", "database", "result_backend", "beat", "docker", "ci")
    if answers["ci"] != "none"
]
IMAGES = {"redis": "redis", "rabbitmq": "rabbitmq", "postgres": "postgresql", "mariadb": "mysql"}


def on(ci: str) -> list[Answers]:
    """The projects whose pipeline runs there."""
    return [answers for answers in WITH_PIPELINE if answers["ci"] == ci]


def passes(*command: str, text: str | None = None) -> None:
    """Run a program of the tests' environment; show what it says unless it is content."""
    done = subprocess.run([PROGRAMS / command[0], *command[1:]], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("ci", SCHEMAS)
def test_every_file_is_what_its_service_expects(ci: str, render: Render) -> None:
    found = [str(path) for answers in on(ci) for path in files(render(answers))]

    passes("check-jsonschema", "--builtin-schema", SCHEMAS[ci], *found)


def test_the_workflows_pass_a_security_audit(render: Render) -> None:
    found = [str(path) for answers in on("github") for path in files(render(answers))]

    own = Path(__file__).parents[2] / ".github/workflows"
    passes("zizmor", "--offline", "--quiet", "--no-config", str(own), *found)


def test_every_script_is_sound_on_any_shell(render: Render) -> None:
    scripts = {script for answers in WITH_PIPELINE for job in jobs(render(answers)).values() for script in job.scripts}

    assert len(scripts) > 5
    for script in scripts:
        passes("shellcheck", "--shell", "sh", "-", text=script)


def test_a_workflow_may_only_read_and_takes_first_party_actions_by_their_commit(render: Render) -> None:
    for path in (path for answers in on("github") for path in files(render(answers))):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        assert workflow["concurrency"]["cancel-in-progress"] is True
        for job in workflow["jobs"].values():
            assert "permissions" not in job
            for step in job["steps"]:
                if action := step.get("uses"):
                    assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)
                    assert re.search(rf"{action} # v\d+\.\d+\.\d+\n", path.read_text()), "no version beside it"
                    if action.startswith("actions/checkout@"):
                        assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("answers", WITH_PIPELINE, ids=label)
def test_a_pipeline_holds_no_secret_and_no_job_runs_for_ever(answers: Answers, render: Render) -> None:
    project = render(answers)

    for path in files(project):
        # But for what signs in where a private template is, which the weekly check alone reads.
        text = path.read_text().replace(
            "FORGE_CREDENTIALS: ${{ secrets.FORGE_CREDENTIALS }}\n", "", path.stem == "forge"
        )
        assert not re.search(r"secrets\.|token", text, re.IGNORECASE)
    assert all(job.minutes and job.minutes <= 20 for job in jobs(project).values())


@pytest.mark.parametrize("answers", WITH_PIPELINE, ids=label)
def test_the_jobs_run_what_a_developer_runs(answers: Answers, render: Render) -> None:
    found = jobs(render(answers))

    assert found["check"].scripts == ["make lint", "make test"]
    assert found["servers"].scripts == ["make test"]
    assert found.keys() == {"check", "servers", "forge"} | ({"build"} if answers["docker"] else set())


@pytest.mark.parametrize("answers", WITH_PIPELINE, ids=label)
def test_the_tests_are_told_of_every_server_and_of_no_other(answers: Answers, render: Render) -> None:
    project = render(answers)
    servers = jobs(project)["servers"]

    names = re.findall(r'^address\("(\w+)"', (project / "tests/conftest.py").read_text(), re.MULTILINE)
    assert servers.environment.keys() == {f"TEST_{name}" for name in names}
    reached = [server_of(url, servers) for url in servers.environment.values() if "sqlite" not in url]
    assert {server.image for server in reached} == {server.image for server in servers.servers}
    chosen = {answers[name] for name in ("broker", "database", "result_backend", "beat")}
    assert {IMAGES[server.image.partition(":")[0]] for server in reached} == chosen & set(IMAGES.values())


def server_of(url: str, job: Job) -> Server:
    """The server that an address leads to, with the user, the password and the database that it is told to make."""
    address = urlsplit(url)
    reached = (address.hostname, address.port)
    (server,) = [each for each in job.servers if (each.host, each.port or address.port) == reached]
    if server.environment.keys() - {"HEALTHCHECK_TCP_PORT"}:
        assert {address.username, address.password, address.path[1:]} <= set(server.environment.values())
    return server


@pytest.mark.parametrize("answers", [each for each in WITH_PIPELINE if each["docker"]], ids=label)
def test_the_servers_of_the_tests_are_those_of_compose_yaml(answers: Answers, render: Render) -> None:
    project = render(answers)

    services = yaml.safe_load((project / "compose.yaml").read_text())["services"].values()
    expected = {service["image"] for service in services if "pull_policy" not in service}
    assert {server.image for server in jobs(project)["servers"].servers} == expected


@pytest.mark.parametrize("ci", SCHEMAS)
@pytest.mark.parametrize("version", questions.questions()["python_version"].values)
def test_the_tests_run_on_the_python_that_was_chosen(ci: str, version: str, render: Render) -> None:
    found = jobs(render({"project_name": "Demo Project", "python_version": version, "ci": ci}))

    assert found["check"].python == found["servers"].python == version


def test_the_weekly_check_is_the_same_wherever_it_runs(render: Render) -> None:
    github, gitlab = (jobs(render(on(ci)[0]))["forge"] for ci in SCHEMAS)

    assert github.scripts == gitlab.scripts
