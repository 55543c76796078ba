"""Old backups go, once a new one is there; what belongs to others stays."""

import shutil
from pathlib import Path

import pytest

from app.backups import making, store
from app.core.config.settings import settings
from tests.backups.conftest import Aged, names

SLUG = settings.app.SLUG


def test_old_backups_are_removed_after_a_new_one_is_there(aged: Aged) -> None:
    old, recent = aged(31), aged(29)

    new = making.make()

    assert [backup.path for backup in store.listed()] == [recent.path, new.path]
    assert not old.path.exists()


def test_the_days_can_be_given(aged: Aged) -> None:
    aged(3)
    kept = aged(1)

    new = making.make(retention_days=2)

    assert [backup.path for backup in store.listed()] == [kept.path, new.path]
    with pytest.raises(ValueError, match="1 or more"):
        making.make(retention_days=0)


def test_the_newest_stay_however_old_they_are(aged: Aged) -> None:
    newest = aged(90)

    assert making.prune(30) == []
    assert [backup.path for backup in store.listed()] == [newest.path]


def test_files_of_others_are_left_alone(place: Path, aged: Aged) -> None:
    made = aged(90)
    others = [f"other-{SLUG}", f"{SLUG}-other", f"{SLUG}-20200101T000000Z"]
    for other in others:
        copy = place / made.path.name.replace(SLUG, other)
        shutil.copy(made.path, copy)
        text = store.manifest_of(made.path).read_text()
        store.manifest_of(copy).write_text(text.replace(f'"{SLUG}"', f'"{other}"'))
    # Another project's, with this one's name on the outside.
    stranger = place / store.name(made.manifest.created_at.replace(year=2019), ".sqlite3.gz")
    shutil.copy(made.path, stranger)
    store.manifest_of(stranger).write_text(text.replace(f'"{SLUG}"', '"stranger"'))
    place.joinpath("notes.txt").write_text("mine")
    before = set(names(place)) - {made.path.name, f"{made.path.name}.json"}

    making.make()

    assert before <= set(names(place))
    assert not made.path.exists()
