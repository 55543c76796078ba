"""Watch over one test run and run its servers: `python -m tests.boot.supervisor DIRECTORY PID`.

A process of its own, so that the servers outlive a crashed xdist worker and are stopped even when pytest is killed: it
ends when the process PID (pytest's controller) does, or on SIGTERM, and takes with it every process of the run.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import psutil

from .brokers import RabbitMQ, Redis
from .databases import MariaDB, PostgreSQL
from .run import ACCOUNTS
from .servers import Server, password

SERVERS: dict[str, type[Server]] = {server.name: server for server in (Redis, RabbitMQ, PostgreSQL, MariaDB)}

RUN_VARIABLE = "FORGE_BOOT_RUN"
"""In the environment of every process that a test starts: the directory of the run."""

PR_SET_CHILD_SUBREAPER = 36  # prctl(2): adopt the daemons of the servers, so that none can hide


def main(directory: Path, controller: int) -> None:
    """Start the servers in parallel when a test asks for them, and wait until the tests are over."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    servers: list[Server] = []
    wanted = directory / ACCOUNTS
    try:
        tests = psutil.Process(controller)
        while tests.is_running():
            if not servers and wanted.exists():
                accounts = json.loads(wanted.read_text())
                installed = [server for server in SERVERS.values() if server.binary()]
                servers = [server(directory, {name: password() for name in accounts}) for server in installed]
                for server in servers:
                    threading.Thread(target=_start, args=(server,), daemon=True).start()
            time.sleep(0.2)
    except psutil.NoSuchProcess:
        pass  # they have already ended
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill(_of_run(directory))
        stops = [threading.Thread(target=server.stop) for server in servers]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        _kill(psutil.Process().children(recursive=True))
        shutil.rmtree(directory, ignore_errors=True)  # pytest may be doing the same


def _start(server: Server) -> None:
    """Start one server and publish how to reach it, or why it cannot be reached."""
    published: dict[str, object] = {"port": server.port, "passwords": server.accounts}
    try:
        server.start()
    except Exception as error:
        output = server.log.read_text(errors="replace") if server.log.exists() else ""
        published = {"error": f"{error}\n{output}"[-4000:]}
    temporary = server.directory.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(published))
    temporary.replace(server.directory.with_suffix(".json"))


def _of_run(directory: Path) -> list[psutil.Process]:
    """Return what a test left running: the processes that have the run in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == str(directory):
                found.append(process)
        except psutil.Error:  # it has ended, or is another user's
            continue
    return found


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=5)


if __name__ == "__main__":
    os.umask(0o077)
    main(Path(sys.argv[1]), int(sys.argv[2]))
