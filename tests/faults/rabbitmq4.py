"""A RabbitMQ in a container, new enough for the priorities of quorum queues; Debian's package may be older."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.boot.polling import wait_for

IMAGE = "rabbitmq:4-alpine"
START_SECONDS = 90.0
STRICT = (4, 3)  # before, quorum queues knew two


@contextmanager
def rabbitmq4() -> Iterator[str]:
    """Run a server for as long as the block lasts, and yield its address."""
    if shutil.which("docker") is None or _docker("info").returncode:
        pytest.skip("no Docker engine answers")
    if _docker("image", "inspect", IMAGE).returncode and _docker("pull", "--quiet", IMAGE).returncode:
        pytest.skip(f"the engine neither has nor can pull {IMAGE}")
    started = _docker("run", "--detach", "--rm", "--publish", "127.0.0.1::5672", IMAGE)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        port = _docker("port", container, "5672").stdout.strip().rpartition(":")[2]

        def answers() -> bool:
            return _docker("exec", container, "rabbitmq-diagnostics", "-q", "check_port_connectivity").returncode == 0

        wait_for("RabbitMQ 4 answers", answers, within=START_SECONDS, every=1)
        version = _docker("exec", container, "rabbitmqctl", "version").stdout.strip().splitlines()[-1]
        if tuple(map(int, version.split(".")[:2])) < STRICT:
            pytest.skip(f"{IMAGE} is RabbitMQ {version}, which tells only two priorities apart")
        # Its guest may come from the same machine only, and the port is published to 127.0.0.1 through a bridge.
        for command in (["add_user", "forge", "forge"], ["set_permissions", "forge", ".*", ".*", ".*"]):
            assert _docker("exec", container, "rabbitmqctl", *command).returncode == 0, command
        yield f"amqp://forge:forge@127.0.0.1:{port}//"
    finally:
        _docker("rm", "--force", "--volumes", container)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300)
