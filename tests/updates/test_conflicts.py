"""Where the template and the project changed the same thing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.updates.conftest import Forge, commit, content, git
from tests.updates.edits import append, replace


@pytest.fixture
def torn(demo: Path) -> Path:
    """A project that has changed what the next release changes, removes and renames too."""
    replace(demo / "README.md", "line 5\n", "line V\n")
    replace(demo / "code.py", "line 20\n", "line XX\n")
    replace(demo / "gone.py", "word 7\n", "word seven, which is ours\n")
    replace(demo / "old_name.py", "step 25\n", "step twenty-five, which is ours\n")
    (demo / "left.py").unlink()
    (demo / "notes.md").write_text("ours\n")
    commit(demo)
    return demo


def test_conflicts_are_announced_before_and_reported_after(torn: Path, forge: Forge) -> None:
    before = content(torn)
    preview = forge("update", torn, "--dry-run")
    assert preview.code == 0
    assert content(torn) == before

    ran = forge("update", torn, "--yes")

    assert ran.code == 3
    for out in (preview.out, ran.out):
        assert "v1.0.0 -> v1.1.0" in out
        assert "The second." in out
        assert "The first." not in out
        assert "level: low (a new question" in out
        for line in (
            "conflict  README.md",
            "conflict  code.py",
            "kept      gone.py",
            "deleted   left.py",
            "moved     old_name.py -> new_name.py",
            "added     added.py",
            "removed   gone_too.py",
        ):
            assert f"\n  {line}" in out
    after = ran.out.partition("with conflicts in 2 files:\n")[2]
    assert "  README.md\n  code.py\n" in after
    assert git(torn, "diff", "--name-only", "--diff-filter=U").splitlines() == ["README.md", "code.py"]
    assert "<<<<<<< HEAD\nline V\n=======\nline five\n>>>>>>> v1.1.0\n" in (torn / "README.md").read_text()
    assert git(torn, "show", ":2:README.md").splitlines()[5] == "line V"
    assert git(torn, "show", ":3:README.md").splitlines()[5] == "line five"


def test_no_edit_is_lost_where_the_template_removes_or_renames(torn: Path, forge: Forge) -> None:
    forge("update", torn, "--yes")
    assert "word seven, which is ours\n" in (torn / "gone.py").read_text()
    moved = (torn / "new_name.py").read_text()
    assert "step twenty-five, which is ours\n" in moved
    assert "step three\n" in moved
    assert not (torn / "old_name.py").exists()
    assert not (torn / "left.py").exists()
    assert not (torn / "gone_too.py").exists()
    assert not (torn / "deep").exists()
    assert (torn / "notes.md").read_text() == "ours\n"
    assert (torn / "mine.py").read_text() == "z = 1\n"


def test_an_update_ends_when_no_marker_is_left(torn: Path, forge: Forge) -> None:
    forge("update", torn, "--yes")
    early = forge("update", torn, "--continue")
    assert (early.code, early.out) == (3, "")
    assert "conflict markers left in `README.md`, `code.py`" in early.err

    (torn / "README.md").write_text("# resolved\n")
    half = forge("update", torn, "--continue")
    assert half.code == 3
    assert "README.md" not in half.err
    (torn / "code.py").unlink()
    ended = forge("update", torn, "--continue")

    assert (ended.code, ended.err) == (0, "")
    assert git(torn, "diff", "--name-only", "--diff-filter=U") == ""
    commit(torn)
    assert git(torn, "status", "--porcelain") == ""
    assert forge("check", torn).code == 0
    assert forge("update", torn, "--abort").code == 1


def test_abort_restores_every_byte(torn: Path, forge: Forge) -> None:
    before = content(torn)
    forge("update", torn, "--yes")
    assert content(torn) != before
    append(torn / "README.md", "half resolved\n")
    git(torn, "add", "README.md")
    (torn / "new_name.py").unlink()
    (torn / "later.txt").write_text("made after the update\n")

    ran = forge("update", torn, "--abort")

    assert (ran.code, ran.err) == (0, "")
    assert (torn / "later.txt").read_text() == "made after the update\n"
    (torn / "later.txt").unlink()
    assert content(torn) == before
    assert git(torn, "status", "--porcelain") == ""
    assert forge("update", torn, "--abort").err.startswith(f"error: `{torn}` has no update")
    assert forge("update", torn, "--yes").code == 3


def test_a_committed_update_is_not_taken_back_by_abort(demo: Path, forge: Forge) -> None:
    assert forge("update", demo, "--yes").code == 0
    commit(demo)
    ran = forge("update", demo, "--abort")
    assert ran.code == 1
    assert "`git revert`" in ran.err
    assert (demo / "added.py").exists()


def test_an_update_without_conflicts_can_be_taken_back_until_it_is_committed(demo: Path, forge: Forge) -> None:
    before = content(demo)
    assert forge("update", demo, "--yes").code == 0
    again = forge("update", demo, "--yes")
    assert again.code == 1
    assert "an update that is not over (update from v1.0.0 to v1.1.0)" in again.err
    assert forge("update", demo, "--abort").code == 0
    assert content(demo) == before


def test_an_update_that_git_took_back_is_over(demo: Path, forge: Forge) -> None:
    before = content(demo)
    forge("update", demo, "--yes")
    git(demo, "stash", "--include-untracked")
    git(demo, "stash", "drop")
    assert content(demo) == before
    assert forge("update", demo, "--yes").code == 0


@pytest.mark.parametrize("path", ["added.py", ".env", "wide/r/added.py"])
def test_a_file_that_git_does_not_know_is_never_written_over(path: str, demo: Path, forge: Forge) -> None:
    (demo / path).parent.mkdir(parents=True, exist_ok=True)
    (demo / path).write_text("from before\n")
    (demo / ".git/info/exclude").write_text(f"{path}\n")
    before = (demo / path).read_bytes()
    ran = forge("update", demo, "--yes")
    assert ran.code == 0
    assert (demo / path).read_bytes() == before
    if path != ".env":
        assert f"own       {path}" in ran.out
    assert forge("update", demo, "--abort").code == 0
    assert (demo / path).read_bytes() == before


def test_a_file_that_both_have_added_is_a_conflict_unless_one_was_made_from_the_other(demo: Path, forge: Forge) -> None:
    (demo / "added.py").write_text("".join(f"entirely = {number}\n" for number in range(9)))
    (demo / "wide/r").mkdir(parents=True)
    (demo / "wide/r/added.py").write_text("w = 1\nmore = 2\n")
    commit(demo)
    ran = forge("update", demo, "--yes")
    assert ran.code == 3
    assert "conflict  added.py" in ran.out
    assert "own       wide/r/added.py" in ran.out
    assert (demo / "wide/r/added.py").read_text() == "w = 1\nmore = 2\n"
    assert "entirely = 8\n" in (demo / "added.py").read_text()


def test_the_rights_and_line_ends_of_files_stay(demo: Path, forge: Forge) -> None:
    (demo / "README.md").chmod(0o640)
    replace(demo / "tool.sh", "#!/bin/sh\n", "#!/bin/sh\necho\r\n")
    (demo / "latin.txt").write_bytes(b"caf\xe9\r\n")
    (demo / "sp ace ü.txt").write_text("x\n")
    (demo / "link").symlink_to("README.md")
    commit(demo)
    before = content(demo)
    assert forge("update", demo, "--yes").code == 0
    after = content(demo)
    for path in ("tool.sh", "latin.txt", "sp ace ü.txt", "link", "run.log", ".env"):
        assert after[path] == before[path]
    assert after["README.md"][0] == before["README.md"][0]
    assert b"line five" in after["README.md"][1]


def test_a_project_in_a_part_of_a_repository_is_updated_and_taken_back(
    torn: Path, forge: Forge, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    (whole / "services").mkdir(parents=True)
    place = whole / "services" / "demo"
    torn.rename(place)
    shutil.rmtree(place / ".git")
    git(whole, "init", "--quiet")
    commit(whole)
    (whole / "other.txt").write_text("not committed, and no part of the project\n")
    git(whole, "add", "other.txt")
    before = content(whole)
    ran = forge("update", place, "--yes")
    assert ran.code == 3, ran.err
    conflicts = git(whole, "diff", "--name-only", "--diff-filter=U").splitlines()
    assert conflicts == ["services/demo/README.md", "services/demo/code.py"]
    assert forge("update", place, "--abort").code == 0
    assert content(whole) == before
    assert git(whole, "status", "--porcelain") == "A  other.txt"


def test_a_commit_elsewhere_in_the_repository_does_not_end_an_update(demo: Path, forge: Forge, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.rmtree(demo / ".git")
    demo.rename(whole / "demo")
    git(whole, "init", "--quiet")
    commit(whole)
    before = content(whole / "demo")
    assert forge("update", whole / "demo", "--yes").code == 0
    (whole / "other.txt").write_text("of somebody else\n")
    git(whole, "add", "other.txt")
    somebody = ("-c", "user.name=B", "-c", "user.email=b@example.com")
    git(whole, *somebody, "commit", "--quiet", "-m", "Elsewhere")
    assert "is not over" in forge("update", whole / "demo", "--yes").err
    assert forge("update", whole / "demo", "--abort").code == 0
    assert content(whole / "demo") == before


def test_the_json_of_an_update_says_everything(torn: Path, forge: Forge) -> None:
    ran = forge("update", torn, "--json")
    assert (ran.code, ran.err) == (3, "")
    (document,) = json.loads(ran.out)["projects"]
    assert (document["from"], document["to"], document["written"]) == ("v1.0.0", "v1.1.0", True)
    assert document["conflicts"] == ["README.md", "code.py"]
    assert document["kept"] == ["gone.py"]
    assert document["deleted"] == ["left.py"]
    assert document["moved"] == {"old_name.py": "new_name.py"}
    assert document["changelog"] == [{"version": "1.1.0", "text": "- The second."}]
    assert document["answers"] == {"level": {"before": None, "after": "low"}}
    assert "added.py" in document["added"]
