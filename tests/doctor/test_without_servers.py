"""Projects that are not installed: what can be said of them all the same."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.boot.servers import free_port

from .examined import doctor, environment, forge


@contextmanager
def listening(folder: Path) -> Iterator[tuple[int, int]]:
    """Let a program listen on a port; the port, and the number of the process."""
    port = free_port()
    command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=quiet, stderr=quiet)
    try:
        for _ in range(200):
            with socket.socket() as client:
                client.settimeout(0.05)
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def programs(folder: Path, *names: str) -> str:
    """A directory of programs, and nothing else to be found."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(Path(str(shutil.which(name, path=environment()["PATH"]))).resolve())
    return str(folder)


def stand_in(folder: Path, name: str, script: str) -> str:
    """The search path with a program in front that is a few lines of shell."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{environment()['PATH']}"


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_directory_that_is_no_project_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    ran = forge("doctor", tmp_path / name)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"error: `{tmp_path / name}` ")


def test_a_project_that_is_not_installed_is_told_so_and_looked_at_all_the_same(project: Path) -> None:
    examined = doctor(project)
    assert examined.problems() == {"project.installed"}
    assert examined.of("project.installed").remedy == "Run `make install`."
    assert {"tools.uv", "tools.python", "tools.make", "tools.git", "secrets.file"} <= examined.findings.keys()
    assert "ports.8000" in examined.findings


def test_without_uv_the_makefile_is_trusted_to_get_it(project: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "programs", "git", "make", "python3")
    examined = doctor(project, {"PATH": path})
    assert examined.of("tools.uv").text == "uv is not installed; `make install` gets a copy of it, in `.uv`."

    (project / "Makefile").write_text("install:\n\tuv sync\n")
    assert doctor(project, {"PATH": path}).of("tools.uv").level == "problem"


def test_missing_programs_are_named(project: Path, tmp_path: Path) -> None:
    examined = doctor(project, {"PATH": programs(tmp_path / "programs", "python3", "uv")})
    for name in ("make", "git", "docker"):
        assert examined.of(f"tools.{name}").level == "warning"
        assert "is not installed" in examined.of(f"tools.{name}").text


def test_an_old_uv_and_an_old_docker_compose_are_named(project: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "old", "docker", "echo 2.20.2")
    path = stand_in(tmp_path / "old", "uv", "echo 'uv 0.4.30 (61ed2a236 2024-11-04)'")
    examined = doctor(project, {"PATH": path})
    assert examined.of("tools.uv").text == "uv is 0.4.30, and the project was made for 0.9 or later."
    assert examined.of("tools.compose").text == "Docker Compose is 2.20.2, and `compose.yaml` needs 2.23.1 or later."


def test_podman_in_place_of_docker_is_named(project: Path, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "podman", "docker", "echo podman-compose version 1.5.0")
    assert "is podman-compose here" in doctor(project, {"PATH": path}).of("tools.compose").text
    alone = programs(tmp_path / "alone", "python3", "uv")
    stand_in(tmp_path / "alone", "podman", "echo 5.4")
    assert "podman-compose cannot run `compose.yaml`" in doctor(project, {"PATH": alone}).of("tools.docker").text


def test_a_docker_that_stands_still_does_not_hold_the_doctor(project: Path, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "frozen", "docker", 'test "$1" = compose || { sleep 40 & sleep 40; }')
    examined = doctor(project, {"PATH": path})
    assert examined.of("tools.docker").text.startswith("Docker's engine does not answer")


def test_a_python_that_is_gone_is_a_problem(project: Path) -> None:
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to("/nowhere/python3")
    said = doctor(project).of("tools.python")
    assert (said.level, said.remedy) == ("problem", "Run `rm -r .venv` and `make install`.")


def test_a_port_of_another_program_is_a_problem_that_names_it(project: Path, tmp_path: Path) -> None:
    with listening(tmp_path) as (port, pid):
        examined = doctor(project, {"PORT": str(port)})
    said = examined.of(f"ports.{port}")
    assert said.level == "problem"
    assert f"Port {port}, which `make dev` wants, is in use by `python" in said.text
    assert f"(process {pid})" in said.text
    assert said.remedy == f"Stop that, or take another port: `make dev PORT={port + 1}`."
    assert examined.code == 1


def test_a_port_of_the_project_itself_is_no_problem(project: Path) -> None:
    with listening(project) as (port, _):
        said = doctor(project, {"PORT": str(port)}).of(f"ports.{port}")
    assert said.text == f"Port {port} is in use by the project itself, which is running."


@pytest.mark.parametrize(("variable", "service"), [("API_PORT", "api"), ("FLOWER_PORT", "flower")])
def test_the_ports_of_compose_are_looked_at_with_the_variables_of_env(
    project: Path, tmp_path: Path, variable: str, service: str
) -> None:
    with listening(tmp_path) as (port, _):
        (project / ".env").write_text(f"{variable}={port}\nFLOWER_PASSWORD='a\"b: \\\\c'\n")
        said = doctor(project).of(f"ports.{port}")
    assert said.level == "warning"
    assert f"which `{service}` in Docker wants" in said.text
    assert said.remedy == f"Stop that, or take another port: `{variable}={port + 1}` in `.env`."


def test_a_number_that_is_no_port_is_named(project: Path) -> None:
    examined = doctor(project, {"PORT": "80000", "FLOWER_PORT": "99999"})
    assert [each.text for each in examined.findings["ports"]] == [
        "80000, which `make dev` wants, is not a port number.",
        "99999, which `flower` in Docker wants, is not a port number.",
    ]


def test_an_env_file_that_everybody_can_read_is_named(project: Path) -> None:
    (project / ".env").write_text("LOG_LEVEL=INFO\n")
    (project / ".env").chmod(0o644)
    said = doctor(project).of("secrets.file")
    assert (said.level, said.remedy) == ("warning", "Run `chmod 600 .env`.")
    assert "(mode 644)" in said.text
    assert doctor(project, {"ENVIRONMENT": "production"}).of("secrets.file").level == "problem"

    (project / ".env").chmod(0o640)
    assert doctor(project).of("secrets.file").level == "ok"


def test_an_env_file_in_git_is_a_problem(project: Path) -> None:
    (project / ".env").write_text("LOG_LEVEL=INFO\n")
    (project / ".env").chmod(0o600)
    assert "secrets.tracked" not in doctor(project).findings
    subprocess.run(["git", "add", "--force", ".env"], cwd=project, check=True)
    assert "secrets.tracked" in doctor(project).problems()


def test_the_placeholders_of_the_example_are_a_problem_outside_development(project: Path) -> None:
    shutil.copy(project / ".env.example", project / ".env")
    (project / ".env").chmod(0o600)
    in_development, in_production = doctor(project), doctor(project, {"ENVIRONMENT": "production"})
    for examined, level in ((in_development, "warning"), (in_production, "problem")):
        said = examined.of("secrets.placeholders")
        assert said.level == level
        for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD", "API_KEYS"):
            assert name in said.text


def test_files_that_cannot_be_read_are_named_without_a_traceback(project: Path) -> None:
    for name in ("compose.yaml", "pyproject.toml"):
        (project / name).write_text("<<<<<<< before\na: 1\n=======\n")
    examined = doctor(project)
    assert "`compose.yaml` is not YAML" in examined.of("ports").text
    assert "`pyproject.toml` is not TOML" in examined.of("tools.python").text


def test_people_read_findings_with_the_remedy_below(project: Path) -> None:
    ran = forge("doctor", project)
    assert ran.returncode == 1
    assert ran.stdout.startswith(f"demo in `{project}`, ENVIRONMENT development, as nothing says otherwise.\n\n")
    assert (
        "\nproblem  The project is not installed: it has no environment.\n         Run `make install`.\n" in ran.stdout
    )
