"""What the API of a project in production tells strangers, and what it believes of them."""

import re
from functools import partial

import httpx
import pytest

from tests.boot.polling import wait_for
from tests.boot.servers import free_port

from .stage import START_SECONDS, Stage

pytestmark = [pytest.mark.faults, pytest.mark.on("redis")]

DESCRIPTIONS = ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")


def api(stage: Stage, name: str, **environment: str) -> str:
    """Start another API process of the project, and return its address."""
    port = free_port()
    stage.start(name, "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(port), **environment)
    address = f"http://127.0.0.1:{port}"
    wait_for("the API answers", partial(httpx.get, f"{address}/health/live"), within=START_SECONDS)
    return address


def test_in_production_the_api_describes_itself_only_where_a_setting_says_so(stage: Stage) -> None:
    unknown = stage.api.http.get("/nothing/here")

    for path in DESCRIPTIONS:
        answer = stage.api.http.get(path)
        assert (answer.status_code, answer.json()) == (404, unknown.json()), path

    opened = api(stage, "open", API_DOCS="true")
    assert [httpx.get(f"{opened}{path}").status_code for path in DESCRIPTIONS] == [200] * len(DESCRIPTIONS)


def test_nobody_is_believed_about_addresses_unless_the_proxy_is_named(stage: Stage) -> None:
    for name, trusted, expected in (("closed", "", "127.0.0.1"), ("proxied", "127.0.0.1", "203.0.113.7")):
        address = api(stage, name, FORWARDED_ALLOW_IPS=trusted)
        httpx.get(f"{address}/health/live?{name}", headers={"X-Forwarded-For": "203.0.113.7"})
        line = rf'"([\d.]+):\d+ - \\"GET /health/live\?{name} '
        found = wait_for("it is in the log", partial(logged, stage, name, line), within=START_SECONDS)
        assert found[1] == expected, found


def logged(stage: Stage, process: str, line: str) -> re.Match[str] | None:
    """Find something in the log of a process."""
    return re.search(line, stage.processes[process].output())
