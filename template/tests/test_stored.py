"""Whatever is stored, by an earlier version or by hand: asking for a task, a list, a stream or a dead letter works."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from app.core import broker
from app.core.celery import celery_app
from app.jobs import dead_letters
from app.jobs.service import JobsService
from app.jobs.states import FINAL
from tests.dead_letters import letters
from tests.outcomes import nested
from tests.processes import Lines

COMMON = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    # A value that fails is shown as it was found: making it smaller takes minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

BY_NAME = pytest.mark.skipif(not hasattr(celery_app.backend, "set"), reason="results are not kept by name here")

# Halves of characters are among them. What chance seldom finds comes first.
BYTES = {"__type__": "base64", "__value__": "/w=="}
STRANGE = [float("nan"), float("-inf"), "\udc80", "\0", 10**400, nested(400), BYTES]
LEAVES = (
    st.sampled_from(STRANGE)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["__type__", "__value__", "exc_type", "exc_message", "exc_module", "current", "total", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
STATUSES = (
    st.sampled_from(["SUCCESS", "FAILURE", "RETRY", "REVOKED", "PROGRESS", "STARTED", "PENDING", "OTHER"]) | VALUES
)
ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "exc_type": st.sampled_from(["ValueError", "SystemExit", "UnicodeDecodeError", "TimeLimitExceeded", "system"])
        | VALUES,
        "exc_module": st.sampled_from(["builtins", "os", "billiard.exceptions", "app.jobs.tracking", "celery"])
        | VALUES,
        "exc_message": VALUES,
    },
)
METAS = st.fixed_dictionaries(
    {},
    optional={
        "status": STATUSES | st.sampled_from(["\udc80", "\0", "X" * 300]),
        "result": VALUES | ERRORS,
        "traceback": VALUES,
        "children": VALUES,
        "date_done": VALUES,
        "task_id": VALUES,
    },
)
PAYLOADS = (METAS | VALUES).map(lambda meta: json.dumps(meta).encode()) | st.binary(max_size=50)


@contextmanager
def waiting() -> Iterator[UUID]:
    """Push a task that waits: what has ended once is not asked about its result again."""
    task_id = JobsService().push_task("tests.tasks.describe", "default", countdown=600).task_id
    yield task_id
    celery_app.backend.forget(str(task_id))


@pytest.fixture(scope="module")
def dead(worker: Lines) -> Iterator[UUID]:
    """Return the id of a task that is a dead letter."""
    dead_letters.purge()
    task_id = JobsService().push_task("tests.tasks.need", "default", path="/nowhere/at/all").task_id
    letters()
    yield task_id
    dead_letters.purge()


def put(task_id: UUID, payload: bytes) -> None:
    backend: Any = celery_app.backend
    backend.set(backend.get_key_for_task(str(task_id)), payload)


def ask(client: TestClient, admin: TestClient, task_id: UUID) -> dict[str, Any]:
    """Ask for a task in every way that there is."""
    answer = client.get(f"/tasks/{task_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    if found["status"] in FINAL:
        assert client.get(f"/tasks/{task_id}/events").text.startswith("event: end\n")
    # Not every project has a list of tasks.
    for caller, path in ((client, "/tasks"), (admin, "/dead-letters"), (admin, f"/dead-letters/{task_id}")):
        assert caller.get(path).status_code < 500, path
    return found


@BY_NAME
@COMMON
@given(payload=PAYLOADS)
def test_whatever_a_result_is_its_task_can_be_asked_for(
    client: TestClient, admin_client: TestClient, dead: UUID, payload: bytes
) -> None:
    with waiting() as another:
        for task_id in (another, dead):
            put(task_id, payload)

            ask(client, admin_client, task_id)


@BY_NAME
@COMMON
@given(value=VALUES)
def test_a_value_is_shown_as_it_is_or_refused_by_its_name(client: TestClient, value: Any) -> None:
    with waiting() as task_id:
        put(task_id, json.dumps({"status": "SUCCESS", "result": value}).encode())

        answer = client.get(f"/tasks/{task_id}").json()

    if answer["error"]:
        assert answer["error"]["type"] == "UnreadableResult"
    else:
        assert "__type__" in json.dumps(value) or answer["result"] == value


@COMMON
@given(headers=st.fixed_dictionaries(dict.fromkeys(("dead_letters", "x-death", "organization_id", "eta"), VALUES)))
def test_whatever_a_dead_letter_says_of_itself_it_is_shown(admin_client: TestClient, headers: dict[str, Any]) -> None:
    others = {letter["id"] for letter in admin_client.get("/dead-letters").json()}
    with celery_app.connection_for_write() as connection:
        queue = broker.DEAD_LETTER_QUEUE
        try:
            connection.Producer().publish(
                [[], {}, None], exchange=queue.exchange, routing_key=queue.routing_key, headers={"id": "x"} | headers
            )
        except Exception:
            reject()  # it is nothing that this broker, or its client, takes for a header

    listed = admin_client.get("/dead-letters")
    assert listed.status_code == 200
    [letter_id] = [letter["id"] for letter in listed.json() if letter["id"] not in others]
    assert admin_client.get(f"/dead-letters/{letter_id}").status_code == 200
    assert admin_client.delete(f"/dead-letters/{letter_id}").status_code == 200
