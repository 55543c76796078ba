"""How far one option spreads. What it needs beyond its own files is counted here: more is a question of design."""

import pytest

from forge_cli import questions
from forge_cli.questions import Answer, Answers
from tests.conftest import Render
from tests.test_render import contents

# A backup follows from the database and the scheduler, and has a budget of its own.
NAME: Answers = {"project_name": "Demo Project", "backup": False}
# What records the answers, and the page that says of each part whether it is trusted.
ALWAYS = {".copier-answers.yml", "docs/security.md"}

# The files of every project that an option may change, beside those that it owns.
SHARED = {
    "license": {"pyproject.toml"},
    "python_version": {".github/workflows/ci.yml", "Dockerfile", "Makefile", "README.md", "compose.watch.yaml"},
    "broker": {".env.example", ".github/workflows/ci.yml", "README.md", "compose.yaml", "pyproject.toml"},
    "result_backend": {".env.example", ".github/workflows/ci.yml", "README.md", "compose.yaml"},
    "beat": {
        ".env.example",
        ".github/workflows/ci.yml",
        ".gitignore",
        "Procfile.dev",
        "README.md",
        "compose.watch.yaml",
        "compose.yaml",
        "app/cli.py",
        "app/core/celery.py",
        "app/core/config/settings.py",
        "app/jobs/routes.py",
        "tests/conftest.py",
    },
    "backup": {
        ".env.example",
        ".gitignore",
        "Dockerfile",
        "README.md",
        "compose.yaml",
        "pyproject.toml",
        "app/cli.py",
        "app/core/celery.py",
        "app/core/config/settings.py",
    },
    "auth": {".env.example", "Makefile", "README.md", "compose.yaml", "pyproject.toml", "app/cli.py"},
    "flower": {
        ".dockerignore",
        ".env.example",
        "Dockerfile",
        "README.md",
        "compose.watch.yaml",
        "compose.yaml",
        "pyproject.toml",
    },
    "docker": {".env.example", ".github/workflows/ci.yml", "Makefile", "README.md"},
    "ci": {"README.md"},
    "database": {
        ".dockerignore",
        ".env.example",
        ".github/workflows/ci.yml",
        "Dockerfile",
        "Makefile",
        "Procfile.dev",
        "README.md",
        "compose.yaml",
        "pyproject.toml",
        "app/core/celery.py",
        "app/core/config/settings.py",
        "app/jobs/routes.py",
        "tests/conftest.py",
    },
}

# Whole files that speak of one choice: every value has its own.
OWNED = {
    "license": {"LICENSE"},
    "broker": {
        "app/core/addresses/broker.py",
        "app/core/broker.py",
        "app/core/browse.py",
        "tests/test_addresses.py",
        "tests/test_broker.py",
    },
    "result_backend": {"app/core/addresses/results.py", "app/core/results.py", "tests/test_addresses.py"},
    "beat": {"app/schedules/store.py"},
    "database": {
        "app/core/addresses/database.py",
        "app/core/database.py",
        "app/core/migration_lock.py",
        "app/core/model.py",
        "app/core/results.py",
        "app/jobs/records.py",
        "migrations/versions/0001_jobs.py",
        "migrations/versions/0002_jobs.py",
        "tests/test_addresses.py",
    },
    "auth": {
        "app/core/authentication.py",
        "app/core/config/auth.py",
        "app/core/tokens.py",
        "tests/credentials.py",
        "tests/test_security.py",
    },
}

# The seeds' names `settings.database`, `with_db_init` and `celery_app.conf.beat_schedule` live in modules that every
# project has, in a line or two each, and so do the command `app token` and the route `GET /tasks`: doors list what is
# there. No other Python file of the application knows an option.
PYTHON = {
    "app/cli.py",
    "app/core/celery.py",
    "app/core/config/settings.py",
    "app/jobs/routes.py",
    "tests/conftest.py",
}

FLIPS = [
    (question.name, value)
    for question in questions.asked()
    for value in question.values
    if question.values and value != NAME.get(question.name, question.values[0])
]


@pytest.mark.parametrize(("name", "value"), FLIPS, ids=[f"{name}-{value}" for name, value in FLIPS])
def test_an_option_changes_no_more_shared_files_than_it_needs(name: str, value: Answer, render: Render) -> None:
    before, after = contents(render({**NAME})), contents(render({**NAME, name: value}))

    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}

    assert changed - ALWAYS - OWNED.get(name, set()) <= SHARED[name]


def test_every_question_with_choices_has_a_budget() -> None:
    assert {name for name, _ in FLIPS} == SHARED.keys()


def test_no_option_is_known_to_shared_python_but_where_the_public_names_are() -> None:
    shared = {path for paths in SHARED.values() for path in paths if path.endswith(".py")}
    assert shared == PYTHON


@pytest.mark.parametrize(
    "file",
    [
        "pyproject.toml",
        ".env.example",
        ".github/workflows/ci.yml",
        "Makefile",
        ".gitignore",
        "README.md",
        "Procfile.dev",
    ],
)
def test_the_optional_lines_of_a_shared_file_never_stand_last(file: str, render: Render) -> None:
    """People and tools append at the end, so an update meets no line of theirs next to one of an option."""
    projects = [render({**NAME, name: value}) for name, value in FLIPS]
    last = {(project / file).read_text().splitlines()[-1] for project in projects if (project / file).exists()}

    assert len(last) == 1
