"""The entries of the code: what Celery's format says, as schedules."""

from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import BaseSchedule, crontab, schedule

from app.core.celery import celery_app
from app.schedules import code
from app.schedules.entry import BadSchedule

NAME_TYPES = "tests.tasks.name_types"
LISTED = "tests.tasks.listed"


def read(**entry: Any) -> dict[str, Any]:
    """Return what an entry says."""
    return code.read("an entry", {"task": LISTED, "schedule": 60, "args": [1], **entry}).said_by_code()


@pytest.mark.parametrize(
    ("written", "when"),
    [
        (30, {"every": 30}),
        (timedelta(hours=1), {"every": 3600}),
        (schedule(90), {"every": 90}),
        (crontab(), {"crontab": "* * * * *", "timezone": None}),
        (crontab(minute="*/15", hour=[8, 12], day_of_week="fri"), {"crontab": "*/15 8,12 * * fri", "timezone": None}),
        (crontab(0, 0, day_of_month="1", month_of_year=[7, 1]), {"crontab": "0 0 1 1,7 *", "timezone": None}),
    ],
)
def test_celerys_schedules_are_read(written: Any, when: dict[str, Any]) -> None:
    assert read(schedule=written)["when"] == when


def test_arguments_get_their_names_and_options_their_fields() -> None:
    said = read(task="tests.tasks.hold", args=["/tmp/gate"], options={"queue": "ai", "expires": 5, "priority": 9})  # noqa: S108

    assert said["kwargs"] == {"gate": "/tmp/gate"}  # noqa: S108
    assert (said["queue"], said["expires"], said["priority"]) == ("ai", 5.0, 9)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"task": "no.such.task"}, "no task is registered as 'no.such.task'"),
        ({"args": [1, 2]}, "it takes 1 arguments, not 2"),
        ({"args": []}, "number: Field required"),
        ({"args": ["many"]}, "number: "),
        ({"schedule": BaseSchedule()}, "a BaseSchedule cannot be kept"),
        ({"schedule": None}, "when.every: "),
        ({"options": {"queue": "nowhere"}}, "queue: 'nowhere' is not one of"),
        ({"options": {"countdown": 5}}, "countdown: a schedule has no such option"),
    ],
)
def test_an_entry_that_cannot_run_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        read(**wrong)

    assert problem in str(refused.value)


def test_a_wrong_entry_is_left_out_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entries = {"good": {"task": LISTED, "schedule": 60, "args": [1]}, "bad": {"task": "no.such.task", "schedule": 60}}
    monkeypatch.setitem(celery_app.conf, "beat_schedule", entries | {"worse": {"task": LISTED}})

    found = code.schedules(celery_app)

    assert {name for name, schedule in found.items() if schedule is None} == {"bad", "worse"}
    assert found["good"]
    assert [record.getMessage() for record in caplog.records] == [
        "the entry 'bad' of the code is left out: no task is registered as 'no.such.task'",
        "the entry 'worse' of the code is left out: schedule is missing",
    ]


def test_every_entry_of_this_project_can_be_kept() -> None:
    assert None not in code.schedules(celery_app).values()
