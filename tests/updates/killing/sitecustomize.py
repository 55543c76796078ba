"""Kill this process at the n-th file that it moves, as the machine might at any moment."""

import os
import signal
from pathlib import Path
from typing import Any

left = int(os.environ["KILL_AT_MOVE"])
really_replace = Path.replace


def replace(self: Path, target: Any) -> Path:
    """Move a file, or die."""
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return really_replace(self, target)


Path.replace = replace  # type: ignore[method-assign, assignment]
