"""The harness's end of the script that sends jobs (`inside/soak_pusher.py`), which may be killed at any moment."""

import json
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, Self

Answer = dict[str, Any]

ANSWER_SECONDS = 60.0


class Pusher:
    """Starts the script when there is something to do and none is running."""

    def __init__(self, root: Path, environment: Mapping[str, str], log: Path) -> None:
        self._root, self._environment, self._log = root, environment, log
        self._answers: Queue[str | None] = Queue()
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the script at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def ask(self, order: Mapping[str, Any]) -> list[Answer]:
        """Have something done, and return what the script has said until it was done or the script was dead."""
        script = self._running()
        assert script.stdin is not None
        with suppress(BrokenPipeError):
            script.stdin.write(json.dumps(order) + "\n")
            script.stdin.flush()
        answers: list[Answer] = []
        while not answers or "ended" not in answers[-1]:
            try:
                line = self._answers.get(timeout=ANSWER_SECONDS)
            except Empty:  # it waits for a server that says nothing
                self.kill()
                line = None
            if line is None:
                return answers
            with suppress(json.JSONDecodeError):  # it was killed in the middle of a word
                answers.append(json.loads(line))
        return answers

    def _running(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            self._answers = Queue()
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    ["python", "soak_pusher.py"], cwd=self._root, env=dict(self._environment), text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                )  # fmt: skip
            threading.Thread(target=self._listen, args=(self.process.stdout, self._answers), daemon=True).start()
        return self.process

    @staticmethod
    def _listen(output: IO[str], answers: "Queue[str | None]") -> None:
        for line in output:
            answers.put(line)
        answers.put(None)
