"""Every combination of the answers that shape a project renders: each file parses and is clean, and nothing is left of
what is off. The license and Python's version change a text and a number: all their values are rendered on a few.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from forge_cli import questions
from forge_cli.questions import Answers
from tests.conftest import Render
from tests.options import ALONE, STRUCTURE, TEXTS, combinations, covering, in_turn, label

# In these, every two answers meet; `tests/run --fast` renders no others.
FEW = covering(*STRUCTURE)
MEETING = tuple(name for name in STRUCTURE if name not in ALONE)
EVERY = [pytest.param(answers, id=label(answers)) for answers in FEW] + [
    pytest.param(answers, id=label(answers), marks=pytest.mark.matrix)
    for answers in in_turn(MEETING, *ALONE)
    if answers not in FEW
]

# Words that may stand in a project only with these answers.
WORDS: list[tuple[str, dict[str, set[str | bool]]]] = [
    (r"redis", {"broker": {"redis"}, "result_backend": {"redis"}, "beat": {"redis"}}),
    (r"rabbitmq|amqps?://|quorum", {"broker": {"rabbitmq"}}),
    (r"postgres|psycopg|pgclient", {"database": {"postgresql"}}),
    (r"mysql|mariadb", {"database": {"mysql"}}),
    (r"database|alembic|migrat|sqlalchemy|sqlite", {"database": {"postgresql", "mysql", "sqlite"}}),
    # A pipeline that runs once a week has a schedule of its own.
    (r"(?<!heart)\bbeat|crontab|(?<!pipeline )schedule(?!:$|\"$)", {"beat": {"file", "redis", "database"}}),
    (r"app schedules|app\.schedules|/schedules", {"beat": {"redis", "database"}}),
    (r"backup|pg_dump|mariadb-dump|boto3", {"backup": {True}}),
    (r"api.?key", {"auth": {"api_key"}}),
    (r"jwt|jwks|json web|bearer", {"auth": {"jwt"}}),
    (r"app token|core.tokens|\b401\b", {"auth": {"api_key", "jwt"}}),
    (r"(?<!over)flower", {"flower": {True}}),
    (r"docker|compose", {"docker": {True}}),
    (r"pipeline(?!\()|FORGE_TEMPLATE", {"ci": {"github", "gitlab"}}),
    (r"(?<!\w)\.github|github actions|workflows/", {"ci": {"github"}}),
    (r"gitlab(?!\.com)", {"ci": {"gitlab"}}),
]

# GitHub's own `${{ … }}` is none of Jinja's.
JINJA = r"{%|%}|(?<!\$){{(?! *\.)"

# The file that is the pipeline, by the answer to `ci`.
PIPELINES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml", "none": ""}

# Packages that nothing imports: Celery finds them by an address, the shell by a command, logging by its settings.
FOUND_BY_NAME = {
    "packaging",
    "redis",
    "psycopg",
    "pymysql",
    "aiomysql",
    "aiosqlite",
    "uvicorn",
    "flower",
    "python-json-logger",
}
MODULES = {"jwt": "pyjwt"}  # where the name that is imported is not the package's
TOOLS = {"celery-types", "mypy", "ruff", "httpx2"}  # httpx2 is imported by FastAPI's test client


@pytest.mark.parametrize("answers", EVERY)
def test_every_combination_renders_clean_files_with_no_trace_of_what_is_off(answers: Answers, render: Render) -> None:
    project = render(answers)

    files = contents(project)
    for path, text in files.items():
        parse(path, text)
        assert not re.search(JINJA, text), f"{path} holds unrendered Jinja"
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), f"{path} has no proper end"
        assert not re.search(r"\n\n\n\n|[ \t]\n", text), f"{path} has stray white space"
    no_trace_of_what_is_off(answers, files)
    every_dependency_is_declared_and_used(project)
    assert not [path for path in project.rglob("*") if path.is_dir() and not any(path.iterdir())]
    for command in (["check"], ["format", "--check"]):
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--quiet", project], capture_output=True, text=True
        )
        assert ruff.returncode == 0, ruff.stdout + ruff.stderr


@pytest.mark.matrix
@pytest.mark.parametrize("answers", FEW, ids=label)
def test_the_license_and_python_change_these_files_and_no_others(answers: Answers, render: Render) -> None:
    changing = {
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "Dockerfile",
        "compose.watch.yaml",
        ".copier-answers.yml",
        PIPELINES[str(answers["ci"])],
    }
    with_defaults = contents(render(answers))

    for words in combinations(*TEXTS):
        project = render({**answers, **words})
        files = contents(project)
        changed = {name for name in files.keys() | with_defaults.keys() if files.get(name) != with_defaults.get(name)}
        assert changed <= changing
        for name in changed & files.keys():
            parse(name, files[name])


def test_no_question_is_left_out() -> None:
    assert {question.name for question in questions.asked() if question.values} == {*STRUCTURE, *TEXTS}


def contents(project: Path) -> dict[str, str]:
    """Every file of a project by its path."""
    return {str(path.relative_to(project)): path.read_text() for path in sorted(project.rglob("*")) if path.is_file()}


@cache
def parse(path: str, text: str) -> None:
    """Read a file as what it is; a syntax error fails the test. Most files are the same in many projects."""
    match Path(path).suffix:
        case ".py":
            ast.parse(text, path)
        case ".toml":
            tomllib.loads(text)
        case ".yaml" | ".yml":
            assert yaml.safe_load(text)
        case ".json":
            json.loads(text)


def no_trace_of_what_is_off(answers: Answers, files: dict[str, str]) -> None:
    """Look for the words of each option that was not chosen, in every path and every line."""
    for words, needed in WORDS:
        if any(answers[name] in values for name, values in needed.items()):
            continue
        for path, text in files.items():
            if path in {".copier-answers.yml", "LICENSE"}:
                continue
            assert not re.search(words, path, re.IGNORECASE), path
            assert not (found := lines_with(words, text)), f"{path}:{found}"


@cache
def lines_with(words: str, text: str) -> str:
    """The lines with a word, each with its number."""
    lines = enumerate(text.splitlines(), 1)
    return "\n".join(f"{number}: {line.strip()}" for number, line in lines if re.search(words, line, re.IGNORECASE))


def every_dependency_is_declared_and_used(project: Path) -> None:
    """Compare what the code imports with what pyproject.toml declares."""
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    declared = {distribution(line) for line in pyproject["project"]["dependencies"]}
    for development in (distribution(line) for line in pyproject["dependency-groups"]["dev"]):
        assert development in imports(project, ("tests", "app")) | TOOLS | FOUND_BY_NAME, f"{development} is unused"

    # What comes with a declared package by its own promise: FastAPI, Celery and boto3 are made of these.
    promised = {"pydantic", "starlette", "anyio", "botocore"}
    imported = imports(project, ("app", "migrations", ".")) - {"app", "watchfiles"} - promised
    assert imported <= declared, f"imported but not declared: {imported - declared}"
    assert declared - imported <= FOUND_BY_NAME, f"declared but not used: {declared - imported - FOUND_BY_NAME}"
    for line in pyproject["project"]["dependencies"]:
        assert re.search(r">=[\d.]+(,<[\d.]+)?$", line), f"{line} has no lower bound"


def distribution(requirement: str) -> str:
    """The name in a requirement, without extras and bounds."""
    return re.split(r"[\[><=]", requirement)[0]


def imports(project: Path, folders: tuple[str, ...]) -> set[str]:
    """The distributions that the Python files of some folders import, Python's own modules left out."""
    found = set[str]()
    for folder in folders:
        for path in (project / folder).glob("*.py" if folder == "." else "**/*.py"):
            found |= modules(path.read_text())
    return {MODULES.get(name, name.replace("_", "-")) for name in found - sys.stdlib_module_names}


@cache
def modules(text: str) -> frozenset[str]:
    """The first names of what a Python file imports; most files are the same in many projects."""

    def names() -> Iterator[str]:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module

    return frozenset(name.split(".")[0] for name in names())
