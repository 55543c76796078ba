"""Whoever writes into the store of results runs nothing by that, and takes no answer away from anybody."""

import json
from pathlib import Path

import pytest

from tests.boot.client import said

from .stage import Stage

pytestmark = pytest.mark.faults

# Pushes a job that waits, for each of some ways to forge what is kept of it; prints the ids.
BEGIN = """
import gzip, json, pathlib, pickle, sys
from app.core.celery import celery_app
from app.jobs.service import JobsService

class Code:
    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path({trace!r}),)

PICKLES = [pickle.dumps(Code(), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
PACKED = b"\\0celery-compressed\\0application/x-gzip\\0" + gzip.compress(b'"x"')
backend, ids = celery_app.backend, []

def job():
    name = "app.tasks.fault_probe.note"
    ids.append(str(JobsService().push_task(name, {organization!r}, countdown=300, path="x").task_id))
    return ids[-1]
"""
IN_REDIS = """
def keep(payload):
    return lambda key: backend.client.set(key, payload)

def of(status, result):
    return json.dumps({"status": status, "result": result}).encode()

hostile = {"exc_type": "system", "exc_module": "os", "exc_message": "touch TRACE"}
for forge in [
    *map(keep, PICKLES), keep(PACKED), keep(b"\\xff"), keep(b"[[["), keep(of(7, 7)), keep(of("FAILURE", hostile)),
    keep(of("FAILURE", {})), keep(of("SUCCESS", "\\ud800")), lambda key: backend.client.rpush(key, "x"),
    lambda key: backend.client.hset(key, "status", "SUCCESS"),
]:
    forge(backend.get_key_for_task(job()))
print(json.dumps(ids))
"""
IN_THE_DATABASE = """
from celery.backends.database.models import Task
from app.core.database import session

hostile = b'{"exc_type": "system", "exc_module": "os", "exc_message": "touch TRACE"}'
for status, result in [
    *(("SUCCESS", payload) for payload in PICKLES), *(("FAILURE", payload) for payload in PICKLES), ("SUCCESS", PACKED),
    ("SUCCESS", b"\\xff"), ("SUCCESS", b"[[["), ("FAILURE", hostile), ("FAILURE", b"{}"), ("SUCCESS", b'"\\\\ud800"'),
    ("FAILURE", None), ("", b""),
]:
    row = Task(job())
    row.status, row.result, row.children = status, result, result
    with session() as db:
        db.add(row)
print(json.dumps(ids))
"""
RECORDS = """
keys = [f"demo-project-job-{job()}" for _ in range(4)]
backend.client.set(keys[0], b"\\xff")
backend.client.set(keys[1], b"[]")
backend.client.set(keys[2], b'{"organization_id": 7, "task_name": {}, "status": "SUCCESS"}')
backend.client.delete(keys[3])
backend.client.rpush(keys[3], "x")
print(json.dumps(ids))
"""


def forged(stage: Stage, program: str, trace: Path) -> list[str]:
    """Run one of the programs; return the ids of the jobs."""
    text = BEGIN.format(trace=str(trace), organization=stage.organization) + program
    ids: list[str] = json.loads(stage.script(text.replace("TRACE", str(trace))).splitlines()[-1])
    return ids


@pytest.mark.on("redis", "rabbitmq-postgresql")
def test_a_forged_result_runs_nothing_and_is_told(stage: Stage) -> None:
    trace = stage.path()

    ids = forged(stage, IN_REDIS if stage.kind.name == "redis" else IN_THE_DATABASE, trace)

    for task_id in ids:
        answer = stage.api.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, said(answer)
        assert answer.json()["result"] is None
        if answer.json()["status"] == "FAILURE":
            events = stage.api.http.get(f"/tasks/{task_id}/events")
            assert "event: end" in events.text, said(events)
        stopped = stage.api.http.delete(f"/tasks/{task_id}")
        assert stopped.status_code in {202, 409}, said(stopped)
    for response in (stage.api.http.get("/tasks?limit=100"), stage.administer("GET", "/dead-letters")):
        assert response.status_code in {200, 404, 405}, said(response)
    assert not trace.exists()
    assert stage.api.http.get("/health/ready").json()["status"] == "ok"


@pytest.mark.on("redis")
def test_a_record_that_is_none_is_that_of_no_job(stage: Stage) -> None:
    for task_id in forged(stage, RECORDS, stage.path()):
        for response in (
            stage.api.http.get(f"/tasks/{task_id}"),
            stage.api.http.get(f"/tasks/{task_id}/events"),
            stage.api.http.delete(f"/tasks/{task_id}"),
        ):
            assert response.status_code == 404, said(response)
