"""Variables of the environment that are meant for something else, and would be taken for settings."""

import os
import re
from contextlib import suppress
from pathlib import Path

# What the command `celery` reads for its own options and, before it imports anything of this project, writes over the
# project's settings. https://docs.celeryq.dev/en/stable/reference/cli.html
OVERWRITTEN = {"CELERY_BROKER_URL": ("BROKER_URL", "CELERY_BROKER"), "CELERY_RESULT_BACKEND": ("RESULT_BACKEND",)}
# What Celery prefers, wherever it runs, to its configuration.
PREFERRED = ("CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_LOADER", "CELERY_CONFIG_MODULE")
# What Kubernetes says of a service, in every container: a service `x` makes `X_PORT=tcp://10.0.0.1:80`.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
LINK = re.compile(r"(tcp|udp|sctp)://[^/\s]+:\d+")


def leave_out() -> None:
    """Take out of this process's environment what would change a setting without being meant to."""
    for name in [name for name, value in os.environ.items() if name.endswith("_PORT") and LINK.fullmatch(value)]:
        del os.environ[name]
    for name in PREFERRED:
        os.environ.pop(name, None)
    for name, others in OVERWRITTEN.items():
        if os.environ.get(name) in {os.environ[other] for other in others if os.environ.get(other)}:
            _take_back(name)


def _take_back(name: str) -> None:
    """Set a variable to what it was when this process began, which Linux remembers."""
    with suppress(OSError):
        began = Path("/proc/self/environ").read_bytes().split(b"\0")
        given = dict(line.partition(b"=")[::2] for line in began if b"=" in line)
        os.environ.pop(name, None)
        if value := given.get(name.encode()):
            os.environ[name] = os.fsdecode(value)
