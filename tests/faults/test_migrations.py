"""Replicas that start together migrate the database at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .stage import Stage

pytestmark = pytest.mark.faults

REPLICAS = 3
REVISION = '''\
"""A table that takes its time."""

import time

import sqlalchemy as sa
from alembic import context, op

revision = "slow"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("slow", sa.Column("number", sa.Integer))
    time.sleep(1.5)
    options = {"postgresql_concurrently": True} if context.get_bind().dialect.name == "postgresql" else {}
    with context.get_context().autocommit_block():
        op.create_index("slow_number", "slow", ["number"], **options)
    time.sleep(1.5)


def downgrade() -> None:
    op.drop_table("slow")
'''


@pytest.mark.on("rabbitmq-postgresql", "redis-mysql")
def test_migrations_at_the_same_time_are_applied_once(stage: Stage) -> None:
    revision = stage.project.root / "migrations/versions/slow.py"
    revision.write_text(REVISION)
    # In development and in its tests, every project is on SQLite.
    addresses: list[dict[str, str]] = [{}, {"DATABASE_URL": f"sqlite:///{stage.path('migrated')}"}]
    try:
        for address in addresses:
            with ThreadPoolExecutor() as pool:
                upgrades = [
                    pool.submit(stage.command, "alembic", "upgrade", "heads", **address) for _ in range(REPLICAS)
                ]
            for upgrade in upgrades:
                upgrade.result()
            stage.command("alembic", "downgrade", "slow@base", **address)
    finally:
        revision.unlink()
