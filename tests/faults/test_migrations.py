"""Replicas that start together migrate the database at the same time, and one that lacks characters is refused."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.boot.databases import MariaDB

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


@pytest.mark.on("redis-mysql")
def test_a_database_that_lacks_characters_is_refused_with_the_remedy(stage: Stage) -> None:
    server, name = stage.servers["database"], stage.variant.account
    assert isinstance(server, MariaDB)
    server.administer(f"ALTER DATABASE {name} CHARACTER SET latin1")
    refused = subprocess.run(
        ["alembic", "upgrade", "heads"],
        cwd=stage.project.root,
        env=stage.environment,
        capture_output=True,
        text=True,
    )
    server.administer(f"ALTER DATABASE {name} CHARACTER SET utf8mb4")

    assert refused.returncode != 0
    assert f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    stage.command("alembic", "upgrade", "heads")
