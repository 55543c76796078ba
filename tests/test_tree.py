"""Which files a project has: the default ones, and what each option adds or leaves out.

After a change that is meant, `python tests/test_tree.py` writes the lists anew; read the difference before the commit.
"""

import tempfile
from pathlib import Path

import pytest

from forge_cli import questions
from forge_cli.questions import Answers
from tests.conftest import Render
from tests.options import render as render_to

TREES = Path(__file__).parent / "trees"
NAME: Answers = {"project_name": "Demo Project"}
FLIPS: dict[str, Answers] = {
    f"{question.name}-{str(value).lower()}": {question.name: value}
    for question in questions.asked()
    for value in question.values[1:]
}


def files(project: Path) -> set[str]:
    """Every file of a project."""
    return {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}


def difference(before: set[str], after: set[str]) -> str:
    """The files that an option takes away and adds, a line each."""
    lines = [f"- {path}" for path in sorted(before - after)] + [f"+ {path}" for path in sorted(after - before)]
    return "".join(f"{line}\n" for line in lines)


def test_the_default_project_has_these_files_and_no_others(render: Render) -> None:
    assert "".join(f"{path}\n" for path in sorted(files(render(NAME)))) == (TREES / "default.txt").read_text()


def test_the_default_project_is_small_enough_to_be_owned(render: Render) -> None:
    project = render(NAME)
    assert 60 <= len([path for path in files(project) if not path.startswith("tests/")]) <= 148
    for module in project.rglob("*.py"):
        assert len(module.read_text().splitlines()) <= 320, module


@pytest.mark.parametrize("flip", FLIPS)
def test_an_option_adds_and_leaves_out_these_files(flip: str, render: Render) -> None:
    expected = TREES / f"{flip}.txt"
    found = difference(files(render(NAME)), files(render({**NAME, **FLIPS[flip]})))
    assert found == (expected.read_text() if expected.exists() else "")


def test_every_list_belongs_to_an_option() -> None:
    assert {path.stem for path in TREES.iterdir()} - {"default"} <= FLIPS.keys()


def write() -> None:
    """Write the lists as the template makes them now."""
    with tempfile.TemporaryDirectory() as folder:
        default = files(render_to(NAME, Path(folder, "default")))
        for old in TREES.glob("*.txt"):
            old.unlink()
        (TREES / "default.txt").write_text("".join(f"{path}\n" for path in sorted(default)))
        for flip, answers in FLIPS.items():
            if text := difference(default, files(render_to({**NAME, **answers}, Path(folder, flip)))):
                (TREES / f"{flip}.txt").write_text(text)


if __name__ == "__main__":
    write()
