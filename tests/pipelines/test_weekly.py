"""The weekly check: it takes Forge from where the template is, and ends as `forge check` does."""

import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import Render

from .reading import files, jobs
from .running import step

ROOT = Path(__file__).parents[2]
CREDENTIALS = "reader:" + "a long password" * 8  # base64 breaks its lines after 76 characters
Serve = Callable[[Path], str]
IDENTITY = ["-c", "user.name=A", "-c", "user.email=a@example.com"]

ADDRESSES = {
    "https://git.example.com/team/forge": "git+https://git.example.com/team/forge",
    "https://git.example.com/team/forge.git": "git+https://git.example.com/team/forge.git",
    "git+https://git.example.com/team/forge": "git+https://git.example.com/team/forge",
    "ssh://git@git.example.com:2222/team/forge.git": "git+ssh://git@git.example.com:2222/team/forge.git",
    "git@git.example.com:team/forge.git": "git+ssh://git@git.example.com/team/forge.git",
    "gh:team/forge": "git+https://github.com/team/forge",
    "gl:team/tools/forge": "git+https://gitlab.com/team/tools/forge",
    "'https://git.example.com/team/forge'": "git+https://git.example.com/team/forge",
}
# In place of uvx: what it was asked for.
ASKED = '#!/bin/sh\necho "$@"\necho "looks at $FORGE_TEMPLATE"\n'
VERSIONS = {"v0.2.0": "v0.2.0", "v0.2.0-3-g550299f": "550299f", "'v1.0-gold'": "v1.0-gold", "1.0-rc-1": "1.0-rc-1"}


@pytest.fixture(params=["github", "gitlab"])
def project(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Path:
    """What the check reads of a project, and in place of uvx a program that says what it was asked for."""
    made = render({"project_name": "Demo Project", "ci": request.param})
    copy = tmp_path / "project"
    for path in (made / ".copier-answers.yml", *files(made)):
        place = copy / path.relative_to(made)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    uvx = copy / ".uv/bin/uvx"
    uvx.parent.mkdir(parents=True)
    uvx.write_text(ASKED)
    uvx.chmod(0o755)
    return copy


def record(project: Path, address: str, version: str = "v0.2.0") -> None:
    """Let a project have been made from some address, in some version."""
    answers = project / ".copier-answers.yml"
    lines = [line for line in answers.read_text().splitlines() if not line.startswith(("_src_path:", "_commit:"))]
    answers.write_text("\n".join([lines[0], f"_commit: {version}", f"_src_path: {address}", *lines[1:], ""]))


def asked(address: str, version: str) -> str:
    """What uvx is asked for, and where Forge looks for newer releases."""
    return f"--from {address}@{version} forge check\nlooks at {address}\n"


def check(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what comes after the installation of uv."""
    job = jobs(project)["forge"]
    return step(job.scripts[-1], project, **{**job.environment, **environment})


@pytest.mark.parametrize("recorded", ADDRESSES)
def test_forge_comes_from_the_address_that_the_project_records(recorded: str, project: Path) -> None:
    record(project, recorded)

    done = check(project)

    assert (done.returncode, done.stdout) == (0, asked(ADDRESSES[recorded], "v0.2.0"))


@pytest.mark.parametrize("recorded", VERSIONS)
def test_it_runs_the_forge_that_the_project_was_made_by_and_looks_for_a_newer_template(
    recorded: str, project: Path
) -> None:
    record(project, "https://git.example.com/team/forge", recorded)

    done = check(project)

    assert done.stdout == asked("git+https://git.example.com/team/forge", VERSIONS[recorded])


def test_a_variable_says_where_it_comes_from_instead(project: Path) -> None:
    record(project, "https://git.example.com/team/forge")

    done = check(project, FORGE_TEMPLATE="git@git.example.com:team/fork.git")

    assert done.stdout == asked("git+ssh://git@git.example.com/team/fork.git", "v0.2.0")


@pytest.mark.parametrize("recorded", ["/home/me/my forge", "../forge", "~/forge", "C:\\forge"])
def test_a_path_on_somebodys_machine_fails_with_what_to_set(recorded: str, project: Path) -> None:
    record(project, recorded)

    done = check(project)

    assert done.returncode == 2
    assert done.stdout == f"error: others cannot reach {recorded}. Set the variable FORGE_TEMPLATE to an address.\n"


@pytest.mark.boot
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_it_tells_a_current_project_from_one_that_is_behind_and_one_with_conflicts(
    ci: str, private_server: Serve, tmp_path: Path
) -> None:
    template = repository(tmp_path / "template")
    release(template, "v99.1.0")
    project = tmp_path / "project"
    new = [sys.executable, "-m", "forge_cli", "new", str(project), "-y", "--ci", ci, "--template", str(template)]
    subprocess.run(new, check=True, capture_output=True)
    job = jobs(project)["forge"]
    address = private_server(template)

    def ends_with(credentials: str = CREDENTIALS) -> tuple[int, str]:
        environment = {"FORGE_TEMPLATE": address, "FORGE_CREDENTIALS": credentials}
        for script in job.scripts:
            done = step(script, project, **{**job.environment, **environment})
            if done.returncode:
                break
        return done.returncode, done.stdout

    assert ends_with("")[0] not in {0, 3, 4}, "nobody has signed in"
    assert ends_with()[0] == 0, ends_with()

    with (template / "template/Makefile.jinja").open("a") as makefile:
        makefile.write("\n# News.\n")
    release(template, "v99.2.0")
    code, said = ends_with()
    assert code == 4, said
    assert "v99.1.0" in said
    assert "v99.2.0" in said

    with (project / "README.md").open("a") as readme:
        readme.write("<<<<<<< mine\none\n=======\nother\n>>>>>>> theirs\n")
    code, said = ends_with()
    assert code == 3, said
    assert "README.md" in said


@pytest.fixture
def private_server() -> Iterator[Serve]:
    """A function that serves a repository to those who sign in, and says where."""
    with ExitStack() as stack:

        def serve(repository: Path) -> str:
            server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Private, directory=str(repository / ".git")))
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            return f"git+http://127.0.0.1:{server.server_port}/"

        yield serve


class Private(SimpleHTTPRequestHandler):
    """The files of a repository, which is all that git needs to fetch from it, for one user."""

    def do_GET(self) -> None:
        """Send a file to whoever has signed in."""
        if self.headers["Authorization"] == f"Basic {b64encode(CREDENTIALS.encode()).decode()}":
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def repository(folder: Path) -> Path:
    """A repository of Forge, as the working tree is."""
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "build", "dist", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=left_out)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def release(template: Path, name: str) -> None:
    """Commit everything and tag it."""
    for command in (["add", "--all"], [*IDENTITY, "commit", "--quiet", "--message", name], ["tag", name]):
        subprocess.run(["git", *command], cwd=template, check=True)
    subprocess.run(["git", "update-server-info"], cwd=template, check=True)
