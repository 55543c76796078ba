"""Makes the pictures in README.md by running what they show: `python docs/record.py`."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import time
import urllib.request
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
COLUMNS = 150
PORT = 8000
KEY = "development.key"  # which `make dev` knows


def run(command: str, folder: Path) -> str:
    """Run a command in a terminal and return what it showed."""
    shown, _ = pexpect.run(command, cwd=str(folder), withexitstatus=True, timeout=120, dimensions=(50, COLUMNS))
    return f"$ {command}\n{shown.decode()}"


def request(path: str, body: dict[str, object] | None = None) -> tuple[str, dict[str, object]]:
    """Ask the API as `curl` would; the command and its answer."""
    url = f"http://127.0.0.1:{PORT}{path}"
    data = json.dumps(body).encode() if body else None
    headers = {"Content-Type": "application/json", "X-API-Key": KEY}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        text = answer.read().decode()
    sent = f"--json '{json.dumps(body)}' " if body else ""
    return f"$ curl -H 'X-API-Key: {KEY}' {sent}{url}\n{text}\n", json.loads(text)


def development(project: Path) -> str:
    """Start the project, send a task through it, stop it; what the terminal showed, and the requests below it."""
    pexpect.run("make install", cwd=str(project), timeout=300)
    # Whoever runs this as root, as in a container, would see Celery's warning about it.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    shown = io.BytesIO()
    process = pexpect.spawn("make dev", cwd=str(project), timeout=60, dimensions=(50, COLUMNS), env=environment)
    process.logfile_read = shown
    process.expect("ready.*startup complete|startup complete.*ready")
    posted, queued = request("/notify", {"user_id": 1, "message": "hello"})
    time.sleep(1)
    asked, _ = request(f"/tasks/{queued['task_id']}")
    process.sendintr()
    process.expect(pexpect.EOF)
    return f"$ make dev\n{shown.getvalue().decode()}\n{posted}{asked}"


def picture(name: str, title: str, text: str) -> None:
    """Write what a terminal showed as an SVG."""
    lines = [re.sub(r"/\S+/(?=\.dev|app')", "…/", line.rstrip()) for line in text.replace("\r", "").splitlines()]
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(Text.from_ansi("\n".join(lines)), soft_wrap=False)
    # Without the fonts that the picture would fetch from elsewhere.
    svg = re.sub(r"\s*@font-face {.*?}", "", console.export_svg(title=title), flags=re.DOTALL)
    (IMAGES / f"{name}.svg").write_text(svg)


def main() -> None:
    """Make both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        picture("new", "forge new", run("forge new demo --defaults", Path(folder)))
        picture("dev", "make dev", development(Path(folder, "demo")))


if __name__ == "__main__":
    main()
