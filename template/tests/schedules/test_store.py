"""The store: a change that was made on an old state of things is not made."""

from app.schedules.store import Stored, store


def test_a_definition_is_added_changed_and_removed() -> None:
    assert store.write("a", None, "1")
    assert store.write("a", "1", "2")
    assert store.read().schedules == {"a": Stored("2", None)}
    assert store.write("a", "2", None)
    assert store.read().schedules == {}


def test_what_has_changed_meanwhile_is_not_written_over() -> None:
    store.write("a", None, "1")

    assert not store.write("a", None, "2")
    assert not store.write("a", "2", "3")
    assert not store.write("a", "2", None)
    assert not store.write("b", "1", "2")
    assert store.read().schedules == {"a": Stored("1", None)}


def test_progress_is_noted_once_and_goes_with_its_schedule() -> None:
    assert not store.note("a", None, "x")
    store.write("a", None, "1")

    assert store.note("a", None, "x")
    assert not store.note("a", None, "y")
    assert store.note("a", "x", "y")
    assert store.write("a", "1", "2")
    assert store.read().schedules == {"a": Stored("2", "y")}
    store.write("a", "2", None)
    store.write("a", None, "1")
    assert store.read().schedules == {"a": Stored("1", None)}


def test_names_differ_in_every_letter() -> None:
    assert store.write("Report", None, "1")
    assert store.write("report", None, "2")
    assert len(store.read().schedules) == 2


def test_a_change_that_was_made_already_has_succeeded() -> None:
    for _ in range(2):
        assert store.write("a", None, "1")
    for _ in range(2):
        assert store.note("a", None, "x")
    for _ in range(2):
        assert store.write("a", "1", "2")
    assert store.read().schedules == {"a": Stored("2", "x")}
    for _ in range(2):
        assert store.write("a", "2", None)
    assert store.read().schedules == {}
