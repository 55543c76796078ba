"""`app dev`: the processes of `Procfile.dev` together, on the servers in the environment or on what is embedded."""

import os
import shlex
import signal
import subprocess
import sys

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer
from kombu.utils.url import maybe_sanitize_url

from app.core.config.base import ROOT, default_to_development


def run(port: int) -> int:
    """Run `prepare` to its end, then the others until the user interrupts or one of them ends, which ends all.

    Args:
        port: The port of the API.

    Returns:
        The exit code: 0 after Ctrl-C, 2 outside development, otherwise that of the process that ended first. When the
        terminal is closed, all end too.
    """
    if default_to_development() != "development":
        print("error: `app dev` is for ENVIRONMENT=development only.", file=sys.stderr)
        return 2
    for line in _services():
        print(line, flush=True)
    print(f"{'API':<24}http://127.0.0.1:{port}/docs (Ctrl-C stops everything)", flush=True)

    manager = Manager(Printer(sys.stdout))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(port)}
    processes = parse_procfile(ROOT.joinpath("Procfile.dev").read_text()).processes
    prepare = shlex.split(processes.pop("prepare", "true"))
    if code := subprocess.run(prepare, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        return code
    for name, command in processes.items():
        manager.add_process(name, f"exec {command}", env=environment, cwd=str(ROOT))
    signal.signal(signal.SIGHUP, _hang_up)
    manager.loop()
    return 0 if manager.returncode == 130 else manager.returncode or 0


def _hang_up(_number: int, _frame: object) -> None:
    """End every process when the terminal is closed, which takes no more output."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    signal.raise_signal(signal.SIGTERM)


def _services() -> list[str]:
    # Not before the environment is settled: settings are read once.
    from app.core.config.settings import settings

    lines = []
    for concern in vars(settings).values():
        for name, embedded in concern.embedded.items():
            url = getattr(concern, name)
            where = "embedded, in .dev/" if url == embedded else maybe_sanitize_url(url)
            lines.append(f"{name:<24}{where}")
    return lines
