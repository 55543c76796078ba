"""The checks of a generated project pass as its pipeline runs them, its tests on real servers: they use every one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from forge_cli import questions
from forge_cli.questions import Answers
from tests.boot.databases import MariaDB
from tests.boot.project import no_project_can_have_the_name_of_a_package
from tests.boot.run import Endpoint, Run
from tests.boot.servers import Server, password
from tests.boot.supervisor import RUN_VARIABLE, SERVERS
from tests.boot.test_boot import require
from tests.boot.variants import Variant
from tests.faults.relay import Relay
from tests.options import label, render

from .reading import jobs
from .running import step

pytestmark = pytest.mark.boot

# Each broker, each place for results, each pipeline, and every server that an address can lead to.
PROJECTS: list[Answers] = [
    {"ci": "github", "broker": "redis", "database": "postgresql", "result_backend": "database", "beat": "redis"},
    {"ci": "gitlab", "broker": "rabbitmq", "database": "mysql", "result_backend": "redis", "beat": "database"},
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
            if isinstance(server, MariaDB):  # as the image makes it
                server.administer(f"ALTER DATABASE {variant.account} CHARACTER SET utf8mb4")
            started[name] = server
        yield {name: Endpoint(server.port, server.accounts) for name, server in started.items()}


@pytest.mark.parametrize("number", range(len(PROJECTS)), ids=lambda number: label(PROJECTS[number]))
def test_the_tests_pass_on_the_servers_of_the_pipeline(number: int, boot_run: Run, tmp_path: Path) -> None:
    variant = Variant(INDEX + number, questions.complete({"project_name": "Demo Project", **PROJECTS[number]}))
    project = render(variant.answers, tmp_path / "project")
    lint = [script for script in jobs(project)["check"].scripts if "lint" in script]
    job = jobs(project)["servers"]
    assert lint
    with servers_of(variant, boot_run) as endpoints, ExitStack() as stack:
        real = {f"TEST_{name}": url for name, url in variant.environment(endpoints, tmp_path).items()}
        environment, relays = {name: real[name] for name in job.environment}, dict[str, Relay]()
        for name, url in environment.items():
            for endpoint in endpoints.values():
                if f"@127.0.0.1:{endpoint.port}" in url:
                    relays[name] = relay = Relay(endpoint.port)
                    stack.callback(relay.close)
                    environment[name] = url.replace(f"@127.0.0.1:{endpoint.port}", f"@127.0.0.1:{relay.port}")

        for script in (*lint, *job.scripts):
            done = step(script, project, **environment, **{RUN_VARIABLE: str(boot_run.directory)})
            assert done.returncode == 0, f"{script}\n{done.stdout}"

        assert " passed" in done.stdout
        no_project_can_have_the_name_of_a_package(project, variant.answers)
        unused = [name for name, relay in relays.items() if not relay.counts["connections"]]
        assert not unused, f"the tests did not use {unused}"
        assert len(relays) >= len(endpoints)
