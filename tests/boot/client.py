"""The generated API as a client sees it."""

from typing import Any
from uuid import UUID

import httpx

from .polling import wait_for

RESULT_SECONDS = 30.0


class Api:
    """Calls over HTTP, and the ids of every task that was accepted."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.accepted: list[str] = []

    def notify(self, user_id: int, message: str) -> str:
        """Ask for a notification; return the task's id."""
        return self._accepted(self.http.post("/notify", json={"user_id": user_id, "message": message}))

    def enqueue(self, task: str, **arguments: object) -> str:
        """Enqueue a task of `app.tasks` by its name; return its id."""
        return self._accepted(self.http.post(f"/tasks/app.tasks.{task}", json=arguments))

    def post(self, path: str) -> str:
        """Ask a route for its task; return the task's id."""
        return self._accepted(self.http.post(path))

    def _accepted(self, response: httpx.Response) -> str:
        assert response.status_code == 202, said(response)
        body = response.json()
        assert body.keys() == {"task_id", "task_name", "organization_id", "queue", "status"}, said(response)
        assert body["status"] == "queued", said(response)
        task_id = str(UUID(body["task_id"]))
        self.accepted.append(task_id)
        return task_id

    def status(self, task_id: str) -> dict[str, Any]:
        """Return what the API knows about a task that it accepted."""
        response = self.http.get(f"/tasks/{task_id}")
        assert response.status_code == 200, said(response)
        body: dict[str, Any] = response.json()
        assert body["task_id"] == task_id, said(response)
        return body

    def outcome(self, task_id: str, within: float = RESULT_SECONDS) -> dict[str, Any]:
        """Wait until a task has ended, and return its status."""

        def ended() -> dict[str, Any]:
            status = self.status(task_id)
            assert status["status"] in {"SUCCESS", "FAILURE", "REVOKED"}, status
            return status

        return wait_for(f"task {task_id} ends", ended, within=within)

    def result(self, task_id: str, within: float = RESULT_SECONDS) -> Any:
        """Wait until a task has succeeded, and return its result."""
        status = self.outcome(task_id, within)
        assert status["status"] == "SUCCESS", status
        assert status["error"] is None, status
        return status["result"]

    def error(self, task_id: str, within: float = RESULT_SECONDS) -> dict[str, str]:
        """Wait until a task has failed, and return why."""
        status = self.outcome(task_id, within)
        assert status["status"] == "FAILURE", status
        assert status["result"] is None, status
        error: dict[str, str] = status["error"]
        return error


def said(response: httpx.Response) -> str:
    """Return a response in one line, for the message of an assertion."""
    return f"{response.request.method} {response.request.url} answered {response.status_code}: {response.text}"
