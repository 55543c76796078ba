"""A newcomer who does what the README of a generated project says, word by word."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forge_cli.questions import Answers

from .polling import PATIENCE, wait_for
from .processes import Process

TEAMS: list[Answers] = [
    {"broker": "redis", "database": "postgresql", "beat": "database", "auth": "api_key"},
    {"broker": "rabbitmq", "database": "none", "beat": "file", "auth": "jwt", "docker": False, "flower": False},
]

SECONDS = 120.0
# The commands that are not for this machine or this day; every other one is run.
LEFT_OUT = re.compile(
    r"make up"  # needs Docker, see tests/test_stack.py
    r"|make format|make lint test"  # what the day ends with
    r"|forge "  # see tests/updates
    r"|\.venv/bin/app dead-letters (show|replay|purge) ID"  # there is none
    r"|\.venv/bin/celery -A app.core.celery worker"  # does not end
)
BLOCK = re.compile(r"(?P<prose>.*?)^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`((?:app|tests)/\S+\.py)`")


@dataclass
class FirstDay:
    """The project, and what the newcomer's shell knows.

    Attributes:
        root: The project.
        environment: The environment of the shell.
        port: Takes the place of the port in the README, which another process may use.
        written: The files that were written or changed.
    """

    root: Path
    environment: Mapping[str, str]
    port: int
    log: Path

    def __post_init__(self) -> None:
        self.written: list[str] = []

    def follow(self) -> None:
        """Do everything that the README says, from the top."""
        readme = (self.root / "README.md").read_text()
        assert readme.count("```") == 2 * len(BLOCK.findall(readme))
        start, *others = BLOCK.finditer(readme)
        with Process(self._shell(start["text"]), cwd=self.root, environment=self._told(), log=self.log) as dev:
            wait_for("`make dev` has started", lambda: self._started(dev), within=SECONDS)
            self._ask(others.pop(0)["text"])
            os.killpg(dev.process.pid, signal.SIGINT)
            dev.exit_code(within=20 * PATIENCE)
        for block in others:
            if block["language"] == "python":
                self._write(
                    FILE.findall(block["prose"])[-1], block["text"], re.search(r"above `(.+?)`", block["prose"])
                )
            else:
                assert block["language"] == "bash"
                for line in block["text"].splitlines():
                    if not LEFT_OUT.match(line):
                        self.run(line)

    def run(self, line: str) -> str:
        """Run a line of the README, and return what it printed."""
        done = subprocess.run(
            self._shell(line),
            cwd=self.root,
            env=self._told(),
            input="yes\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS * PATIENCE,
        )
        assert done.returncode == 0, f"`{line}` exited with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def _ask(self, block: str) -> None:
        """Send the README's two requests, the second with the id that the first was answered with."""
        *prepare, post, get = [line for line in block.splitlines() if not line.startswith("#")]
        known = "; ".join(prepare) + "; " if prepare else ""
        answer = self.run(known + post)
        found = re.search(r'"task_id":"([^"]+)"', answer)
        assert found, answer
        asked = re.sub(r"tasks/\S+", f"tasks/{found[1]}", get)
        wait_for("the task has succeeded", lambda: '"status":"SUCCESS"' in self.run(known + asked), within=SECONDS)

    def _write(self, path: str, code: str, above: re.Match[str] | None) -> None:
        """Write a new file, or add lines to one: imports at its head, the others at its end or above a line."""
        self.written.append(path)
        file = self.root / path
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
            return
        text = file.read_text()
        if above:
            assert text.count(above[1]) == 1
            file.write_text(re.sub(rf"^(?=.*{re.escape(above[1])})", code, text, count=1, flags=re.MULTILINE))
            return
        imports = "".join(re.findall(r"^(?:from|import) .*\n", code, re.MULTILINE))
        rest = re.sub(r"^(?:from|import) .*\n", "", code, flags=re.MULTILINE).strip("\n")
        text = re.sub(r"^(?=from |import )", lambda _: imports, text, count=1, flags=re.MULTILINE)
        file.write_text(f"{text.rstrip()}\n\n\n{rest}\n")

    def _started(self, dev: Process) -> bool:
        dev.expect_alive()
        return all(word in dev.output() for word in (" ready.", "startup complete"))

    def _shell(self, line: str) -> list[str]:
        return [shutil.which("bash") or "sh", "-c", line.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")]

    def _told(self) -> dict[str, str]:
        return {**self.environment, "PORT": str(self.port)}
