"""What can be read of processes while they run."""

import threading
from typing import Self

import psutil

PROGRAMS = ("pg_dump", "psql", "mariadb", "mysql")


class Watch:
    """Look at every process again and again for as long as the block lasts.

    Attributes:
        command_lines: The command line of every process, which anybody on the machine can read.
        environments: The environment of the databases' programs, by name of program.
    """

    def __init__(self) -> None:
        self.command_lines: set[str] = set()
        self.environments: dict[str, dict[str, str]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            for process in psutil.process_iter():
                try:
                    command = process.cmdline()
                    self.command_lines.add(" ".join(command))
                    name = process.name()
                    if name.startswith(PROGRAMS) and "mariadbd" not in name:
                        self.environments[name] = process.environ()
                except (psutil.Error, OSError):
                    continue
