"""Synchronising the code: each field follows the code until an operator changes it."""

from typing import Any

import pytest

from app.schedules import service
from app.schedules.entry import parse
from app.schedules.schedule import Origin
from app.schedules.schemas import ScheduleStatus
from app.schedules.store import store
from app.schedules.sync import synchronise
from tests.schedules.conftest import DESCRIBE, HOUR, Add, began, entry


def sync(**fields: Any) -> ScheduleStatus:
    """Let the code say something; return what the store holds."""
    synchronise({"report": parse({"task": DESCRIBE, "when": {"every": 60}, **fields})})
    return service.show("report")


def edit(**news: Any) -> None:
    """Change fields as an operator."""
    service.change("report", lambda before: parse(before | news))


def fields() -> dict[str, Any]:
    """Return what an operator can change, as it is."""
    definition = entry("report").definition
    assert definition
    return definition.fields()


def test_the_code_is_taken_and_its_changes_too() -> None:
    first = sync()
    second = sync(priority=5, when={"every": 90})

    assert (first.state, first.notes, second.notes) == ("active", [], [])
    assert fields()["when"] == {"every": 90.0}
    assert fields()["priority"] == 5


def test_an_edit_stays_and_other_fields_still_follow_the_code() -> None:
    sync()
    edit(when={"every": 30}, enabled=False)

    after = sync(queue="ai")

    assert after.state == "disabled"
    assert after.notes == ["changed by an operator: when"]
    assert fields()["when"] == {"every": 30.0}
    assert fields()["queue"] == "ai"


def test_where_both_have_changed_it_the_operators_stays_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    sync()
    edit(when={"every": 30})

    after = [sync(when={"every": 90}), sync(when={"every": 90})]

    told = "changed by an operator and in the code, the operator's stays: when"
    assert [found.notes for found in after] == [[told], [told]]
    assert fields()["when"] == {"every": 30.0}
    assert len(caplog.records) == 1
    edit(when={"every": 90})
    assert service.show("report").notes == []
    assert sync(when={"every": 120}).notes == []
    assert fields()["when"] == {"every": 120.0}


def test_what_the_code_no_longer_has_is_removed_unless_it_was_edited() -> None:
    sync()
    synchronise({})
    assert store.read().schedules == {}

    sync()
    service.enable("report", enabled=False)
    synchronise({})
    assert service.show("report").notes == ["no longer in the code; it is kept, for an operator has changed it"]
    assert sync().notes == []
    synchronise({})
    service.remove("report")


def test_a_schedule_of_an_operators_with_the_same_name_stays(add: Add) -> None:
    add("report", when={"every": 30})

    assert sync().notes == ["changed by an operator and in the code, the operator's stays: when"]


def test_operators_schedules_and_what_cannot_be_read_are_left_alone(add: Add) -> None:
    add("mine")
    sync()
    store.write("report", entry("report").stored.definition, "{")

    assert sync(priority=5).state == "set aside"
    synchronise({"report": None})
    assert store.read().schedules.keys() == {"mine", "report"}


def test_what_was_noted_wrongly_keeps_no_other_from_being_synchronised(caplog: pytest.LogCaptureFixture) -> None:
    sync()
    before = entry("report")
    assert before.definition
    wrong = before.definition.model_copy(update={"origin": Origin(said={"nonsense": 1})})
    store.write("report", before.stored.definition, wrong.dump())
    schedule = parse({"task": DESCRIBE, "when": {"every": 60}})

    synchronise({"report": schedule, "other": schedule})
    synchronise({"other": schedule})

    assert store.read().schedules.keys() == {"report", "other"}
    assert [record.getMessage() for record in caplog.records] == ["'report' cannot be synchronised"] * 2


def test_synchronising_again_starts_nothing_anew() -> None:
    sync()
    before = began("report", HOUR)

    sync()
    assert entry("report") == before
    sync(when={"every": 61})
    after = entry("report")
    assert before.due
    assert after.due
    assert after.due - before.due > HOUR / 2
