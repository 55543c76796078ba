"""What `forge new` asks at a terminal."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGTERM

import pexpect
import pytest
import yaml

from .conftest import Ran, command, tree

REMARKS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """`forge` at a terminal, and somebody who types."""

    def __init__(self, *args: str, checkout: Path | None = None) -> None:
        program, *rest = command(*args, checkout=checkout)
        env = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1"}  # nothing here says where the cursor is
        self.process = pexpect.spawn(program, rest, env=env, encoding="utf-8", dimensions=(50, 200), timeout=30)
        self.process.delaybeforesend = None
        self.seen: list[str] = []

    def asks(self, question: str) -> None:
        """Wait for a question, and until it is ready to be answered."""
        self.process.expect_exact(question)
        self.process.expect_exact("\x1b[?7h")  # lines wrap again when the prompt is drawn
        self.seen.append(question)

    def types(self, answer: str) -> None:
        self.process.send(answer)

    def ends(self) -> Ran:
        self.process.expect(pexpect.EOF)
        self.process.close()
        return Ran(self.process.exitstatus, REMARKS.sub("", self.process.before), "")


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def spawn(*args: str, checkout: Path | None = None) -> Terminal:
        opened.append(Terminal(*args, checkout=checkout))
        return opened[-1]

    yield spawn
    for each in opened:
        each.process.close(force=True)


def recorded(project: str) -> dict[str, object]:
    return dict(yaml.safe_load((Path(project) / ".copier-answers.yml").read_text()))


def test_what_is_not_given_is_asked_and_the_directory_proposes_the_name(terminal: Callable[..., Terminal]) -> None:
    user = terminal("new", "letters", "--preset", "minimal", "--license", "mit", "-d", "author_email=")
    user.asks("Name of the project")
    user.types(" Office\r")
    user.asks("What it does, in one sentence")
    user.types("\r")
    user.asks("Who holds the copyright")
    user.types("\r")
    user.asks("Python of the image")
    user.types("\x1b[B\r")  # one down
    ran = user.ends()

    assert ran.code == 0
    assert "Made letters Office in `letters`: " in ran.out
    answers = recorded("letters")
    assert answers["project_name"] == "letters Office"
    assert answers["author_name"] == "letters Office maintainers"
    assert answers["python_version"] == "3.14"
    assert answers["database"] == "sqlite"


def test_a_refused_answer_is_asked_again(terminal: Callable[..., Terminal]) -> None:
    Path("rest.yml").write_text(
        "{description: A, author_name: B, author_email: '', license: mit, python_version: '3.13', "
        "broker: redis, database: none, result_backend: redis, beat: none, auth: none, flower: no, docker: no, "
        "ci: none}"
    )
    user = terminal("new", "--answers", "rest.yml", "--no-git")
    user.asks("Name of the project")
    user.types("../x\r")
    user.process.expect_exact("The project name must be 1 to 50 letters")
    user.types("\x7f" * 4 + "Night Mail\r")
    assert user.ends().code == 0
    assert recorded("night-mail")["project_name"] == "Night Mail"


def test_a_choice_that_does_not_fit_the_answers_given_is_refused(terminal: Callable[..., Terminal]) -> None:
    user = terminal(
        "new", "demo", "--project-name", "demo", "--description", "A", "--author-name", "B", "--author-email", "",
        "--license", "mit", "--python-version", "3.13", "--broker", "redis", "--result-backend", "database",
    )  # fmt: skip
    user.asks("The project's database")
    user.types("\x1b[A\r")  # one up: the last, none
    ran = user.ends()
    assert ran.code == 2
    assert ran.out.endswith(
        "error: `result_backend` cannot be `database` when `database` is `none`: "
        "choose a database, or keep results in `redis`.\n"
    )
    assert tree(Path()) == []


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_stopping_at_a_prompt_exits_130_and_leaves_nothing(terminal: Callable[..., Terminal], how: str) -> None:
    user = terminal("new", "some/demo")
    user.asks("Name of the project")
    if how == "Ctrl-C":
        user.process.sendcontrol("c")
    else:
        user.process.kill(SIGTERM)
    ran = user.ends()
    assert ran.code == 130
    assert ran.out.endswith("error: Interrupted.\n")
    assert tree(Path()) == []


def test_a_destination_that_is_taken_is_refused_before_anything_is_asked(terminal: Callable[..., Terminal]) -> None:
    Path("demo").mkdir()
    Path("demo/file").touch()
    ran = terminal("new", "demo").ends()
    assert ran.code == 1
    assert ran.out == "error: `demo` is not empty. Pick another name, or pass --force.\n"


def test_ctrl_d_at_a_prompt_is_a_usage_error(terminal: Callable[..., Terminal]) -> None:
    user = terminal("new")
    user.asks("Name of the project")
    user.process.sendeof()
    ran = user.ends()
    assert ran.code == 2
    assert ran.out.endswith("error: The questions were not answered. Pass --defaults to take the default answers.\n")


def test_work_of_more_than_a_second_is_announced_and_the_line_taken_back(
    terminal: Callable[..., Terminal], checkout: Path
) -> None:
    loops = "{% for a in range(30000) %}{% for b in range(3000) %}{% endfor %}{% endfor %}"
    (checkout / "template" / "slow.txt.jinja").write_text(loops)
    user = terminal("new", "demo", "-y", "--no-git", checkout=checkout)
    user.process.expect_exact("Making the project...\r")
    user.process.expect_exact("\x1b[K")
    ran = user.ends()
    assert ran.code == 0
    assert ran.out.startswith("Made demo in `demo`: 2 files.\n")
