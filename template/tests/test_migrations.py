"""Migrations: they lead to the models and back."""

import ast
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from app.core.database import engine
from app.core.model import Base


def test_the_migrations_make_what_the_models_say(alembic: Config, migrated: None) -> None:
    command.check(alembic)


def test_the_migrations_can_be_taken_back(alembic: Config, migrated: None) -> None:
    command.downgrade(alembic, "base")
    left = set(inspect(engine()).get_table_names()) & set(Base.metadata.tables)
    command.upgrade(alembic, "heads")

    assert left == set()


def test_a_message_is_words_and_no_code(alembic: Config, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"import pathlib; pathlib.Path({str(trace)!r}).touch()"
    script = ScriptDirectory(alembic.get_main_option("script_location") or "", version_locations=[str(tmp_path)])
    assert script.get_heads() == []

    filled_in = "${" + code + "}"
    for number, message in enumerate([f'"""\n{code}\n"""', f'""" + {code} + """', f"\\\n{code}", filled_in, "\\"]):
        revision = script.generate_revision(f"{number:012x}", message, head=[], splice=True)
        assert revision is not None
        body = ast.parse(Path(revision.path).read_text()).body
        assert isinstance(body[0], ast.Expr)
        assert isinstance(body[0].value, ast.Constant)
        assert {type(line) for line in body[1:]} <= {ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef}
    assert not trace.exists()
