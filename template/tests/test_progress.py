"""Progress: asked for, and streamed as server-sent events."""

import json
import threading
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from app.jobs.service import JobsService
from tests.processes import Lines, until

PROGRESS = {"current": 1.0, "total": 4.0, "message": "waiting"}


def events(client: TestClient, task_id: object) -> list[tuple[str, dict[str, Any]]]:
    """Read a task's stream to its end."""
    response = client.get(f"/tasks/{task_id}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_running_task_tells_how_far_it_has_come(
    jobs: JobsService, client: TestClient, worker: Lines, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    task_id = jobs.push_task("tests.tasks.hold", "default", gate=str(gate)).task_id
    status = until(lambda: (found := client.get(f"/tasks/{task_id}").json())["status"] == "PROGRESS" and found)
    assert status["progress"] == PROGRESS

    threading.Timer(0.5, gate.touch).start()
    (first, running), (last, ended) = events(client, task_id)

    assert (first, running["progress"]) == ("progress", PROGRESS)
    assert (last, ended["status"], ended["result"], ended["progress"]) == ("end", "SUCCESS", "done", None)
    assert ended == client.get(f"/tasks/{task_id}").json()


def test_a_stream_begins_with_the_state(jobs: JobsService, client: TestClient, worker: Lines) -> None:
    task_id = jobs.push_task("tests.tasks.describe", "default", countdown=0.5).task_id

    told = events(client, task_id)

    assert [(name, data["status"]) for name, data in (told[0], told[-1])] == [("state", "QUEUED"), ("end", "SUCCESS")]


def test_the_stream_of_a_task_that_has_ended_is_its_end(jobs: JobsService, client: TestClient, worker: Lines) -> None:
    task_id = jobs.push_task("app.tasks.example_task.fetch_numbers", "default", count=-1).task_id
    until(lambda: client.get(f"/tasks/{task_id}").json()["status"] == "FAILURE")

    [(name, data)] = events(client, task_id)

    assert (name, data["error"]["type"]) == ("end", "ValueError")
