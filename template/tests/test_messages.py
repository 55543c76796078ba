"""Messages that are none of this project's, whatever is wrong with them: the worker goes on, and they are kept."""

import bz2
import json
import lzma
import uuid
import zlib
from typing import Any

import pytest
from fastapi.testclient import TestClient
from kombu import Message

from app.core import admission, envelope
from app.core.admission import Refused
from app.core.celery import celery_app
from app.core.compression import unpacked
from app.jobs.service import JobsService
from tests.conftest import Wait
from tests.dead_letters import letters, publish

DESCRIBE = "tests.tasks.describe"
BOMB = bytes(64 * 2**20)


def headers(**others: Any) -> dict[str, Any]:
    """Return the headers of a message that a worker runs, or of one that it does not."""
    return {"id": str(uuid.uuid4()), "task": DESCRIBE, "lang": "py"} | others


def received(body: Any, **options: Any) -> Message:
    """Return a message as kombu hands it over."""
    return Message(body, **options)


GOOD = b"[[], {}, null]"
BROKEN: dict[str, tuple[bytes, dict[str, Any], dict[str, Any]]] = {
    "data": (b"\0", headers(), {"content_type": "application/data", "content_encoding": "binary"}),
    "text": (b"args", headers(), {"content_type": "text/plain"}),
    "number": (b"7", headers(), {}),
    "no list": (b'{"args": [], "kwargs": {}}', headers(), {}),
    "list of two": (b"[[], {}]", headers(), {}),
    "deep": (b"[" * 5000 + b"]" * 5000, headers(), {}),
    "deep arguments": (b"[[" + b"[" * 400 + b"]" * 400 + b"], {}, null]", headers(), {}),
    "callbacks": (b'[[], {}, {"callbacks": [7]}]', headers(), {}),
    "embedded id": (b'[[], {}, {"id": "other"}]', headers(), {}),
    "bzip2": (bz2.compress(BOMB), headers(compression="application/x-bz2"), {}),
    "gzip": (zlib.compress(BOMB), headers(compression="application/x-gzip"), {}),
    "lzma": (lzma.compress(BOMB, preset=0), headers(compression="application/x-lzma"), {}),
    "id": (GOOD, headers(id=[1]), {}),
    "long id": (GOOD, headers(id="x" * 500), {}),
    "job": (GOOD, headers(id="no uuid", job=True), {}),
    "task": (GOOD, headers(task={"a": 1}), {}),
    "time limit": (GOOD, headers(timelimit="soon"), {}),
    "eta": (GOOD, headers(eta="soon"), {}),
    "expires": (GOOD, headers(expires=[]), {}),
    "retries": (GOOD, headers(retries="x"), {}),
    "method": (GOOD, headers(get="x"), {}),
    "callbacks in the headers": (GOOD, headers(callbacks=[7]), {}),
}


@pytest.mark.usefixtures("no_dead_letters")
def test_whatever_a_message_holds_the_worker_goes_on_and_keeps_it(
    admin_client: TestClient, jobs: JobsService, finished: Wait
) -> None:
    for body, own, options in BROKEN.values():
        publish(body, headers=own, **{"content_type": "application/json", "content_encoding": "utf-8"} | options)

    found = letters(len(BROKEN))

    assert {letter.death.reason for letter in found} == {"cannot be decoded", "is no task", "failed"}
    assert len(admin_client.get("/dead-letters").json()) == len(BROKEN)
    for letter in found:
        assert admin_client.get(f"/dead-letters/{letter.id}").json()["id"] == letter.id
    assert finished(jobs.push_task(DESCRIBE, "default").task_id)["status"] == "SUCCESS"


@pytest.mark.usefixtures("no_dead_letters")
def test_a_long_letter_is_shown_in_part(admin_client: TestClient) -> None:
    publish(b"x" * 2**20, headers=headers(), content_type="application/json", content_encoding="utf-8")
    [letter] = letters()

    shown = admin_client.get(f"/dead-letters/{letter.id}").json()

    assert shown["body_bytes"] == 2**20
    assert 0 < len(shown["body"]) < 2**18


def test_what_is_no_message_at_all_gets_an_envelope() -> None:
    for item in (b"", b"\xff", b"null", b"[" * 100_000, b"9" * 10_000, b'{"headers": {}}'):
        message = envelope.opened(item, "a-queue")

        assert message["properties"]["delivery_info"]["routing_key"] == "a-queue"
        assert message["headers"] == {}


def test_packed_bodies_are_let_in_up_to_a_bound_when_the_project_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = {"compression": "application/x-gzip"}
    assert received(zlib.compress(GOOD), headers=packed).errors

    monkeypatch.setitem(celery_app.conf, "task_compression", "gzip")

    assert unpacked(received(zlib.compress(GOOD), headers=packed)) == ({}, GOOD)
    assert received(zlib.compress(BOMB), headers=packed).errors
    assert received(bz2.compress(GOOD), headers={"compression": "application/x-bz2"}).errors


def test_a_message_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    body = json.dumps([["x" * admission.LARGEST], {}, None]).encode()
    message = received(body, headers=headers(), content_type="application/json", content_encoding="utf-8")

    with pytest.raises(Refused, match="too large"):
        admission.check(message)
