"""What `alembic` runs: `alembic upgrade heads` applies the revisions that exist."""

from importlib import import_module

from alembic import context

import app.models  # noqa: F401
from app.core import logging
from app.core.config.base import ROOT
from app.core.database import direct_engine
from app.core.migration_lock import only_one
from app.core.model import Base

logging.configure()
# The tables of every domain.
for models in sorted(ROOT.glob("app/*/models.py")):
    if models.parent.name.isidentifier():  # a copy that a file manager has made is none
        import_module(f"app.{models.parent.name}.models")


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    # Celery makes the tables of its results itself; a revision must not drop them.
    return not (kind == "table" and name is not None and name.startswith("celery_"))


engine = direct_engine()
if context.is_offline_mode():
    context.configure(url=engine.url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with only_one(engine), engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=_is_ours,
            # SQLite cannot alter a table in place: https://alembic.sqlalchemy.org/en/latest/batch.html
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()
