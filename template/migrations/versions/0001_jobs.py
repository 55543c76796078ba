"""The table of jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
UTC = sa.DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.String(255), nullable=False),
        sa.Column("task_name", sa.String(255), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_type", sa.String(255)),
        sa.Column("error_message", sa.Text()),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("message", LONG_TEXT),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("published_at", UTC),
        sa.Column("started_at", UTC),
        sa.Column("ended_at", UTC),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_organization_id_created_at", "jobs", ["organization_id", "created_at"])
    op.create_index("ix_jobs_published_at_created_at", "jobs", ["published_at", "created_at"])
    op.create_index(op.f("ix_jobs_ended_at"), "jobs", ["ended_at"])


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("jobs")
