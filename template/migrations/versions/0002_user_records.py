"""The example table."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "user_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_records")),
    )
    op.create_index(op.f("ix_user_records_user_id"), "user_records", ["user_id"])


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index(op.f("ix_user_records_user_id"), table_name="user_records")
    op.drop_table("user_records")
