"""What a team does to a project in its first weeks."""

from __future__ import annotations

import subprocess
from pathlib import Path

from uv import find_uv_bin

ROUTES = '''\
"""Orders."""

from fastapi import APIRouter, status

from app.core.security import Enqueuer
from app.jobs.schemas import TaskInfo
from app.jobs.service import JobsService
from app.orders.settings import OrdersSettings
from app.tasks.orders_task import confirm_order

router = APIRouter(prefix="/orders", tags=["orders"])


@router.post("/{order_id}/confirm", status_code=status.HTTP_202_ACCEPTED)
async def confirm(order_id: int, caller: Enqueuer) -> TaskInfo:
    """Confirm an order in the background."""
    currency = OrdersSettings().ORDERS_CURRENCY
    return await JobsService().push_task_async(
        confirm_order.name, caller.organization_id, order_id=order_id, currency=currency
    )
'''
SETTINGS = '''\
"""The settings of orders."""

from pydantic_settings import BaseSettings


class OrdersSettings(BaseSettings):
    """What orders are paid with."""

    ORDERS_CURRENCY: str = "EUR"
'''
TASK = '''\
"""The tasks of orders."""

from app.core.celery import celery_app


@celery_app.task(name="orders.confirm", public=True)
def confirm_order(order_id: int, currency: str) -> dict[str, int | str]:
    """Confirm an order."""
    return {"order_id": order_id, "currency": currency}
'''
MODELS = '''\
"""The tables of orders."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.model import Base


class Order(Base):
    """What was ordered."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3))
'''
MIGRATION = '''\
"""The table of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("orders")
'''
SECRETS = "POSTGRES_PASSWORD=kept-secret-1\nAPI_KEYS=team:kept-secret-2\n"
PACKAGES = ("babel>=2.17,<3", "orjson>=3.11,<4", "stamina>=25,<27", "structlog>=25,<27")
SERVICE = """\
  mailpit:
    image: axllent/mailpit:v1.27
    restart: unless-stopped
    ports: ["127.0.0.1:8025:8025"]
    volumes: ["mail:/data"]

"""
IMPORT = "from app.tasks.example_task"
TRACKED = "    task_track_started=True,\n"
COMPRESSED = '    task_compression="gzip",\n'
PER_CHILD = "CELERY_WORKER_MAX_TASKS_PER_CHILD: PositiveInt = "
RUNBOOK = "\n## Our runbook\n\nCall the team of orders first.\n"
VOLUMES = "  # Your own volumes go below this line"  # releases before 0.2.0 have no place for volumes of one's own


def edit(project: Path) -> None:
    """Give a project a domain, packages, a variable, a service, settings and words of its own; take an example out.

    One with a database gets a table, too.
    """
    table = {"app/orders/models.py": MODELS, "migrations/versions/0003_orders.py": MIGRATION}
    for path, text in {
        **(table if (project / "migrations").exists() else {}),
        "app/orders/__init__.py": "",
        "app/orders/routes.py": ROUTES,
        "app/orders/settings.py": SETTINGS,
        "app/tasks/orders_task.py": TASK,
        "docs/orders.md": "# Orders\n",
        ".env": SECRETS,
    }.items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(text)
    uv = [find_uv_bin(), "add", "--quiet", "--frozen", "--project", str(project)]
    for package in PACKAGES:
        subprocess.run([*uv, package], check=True)
    replace(project / "app/api.py", IMPORT, f"from app.orders import routes as orders\n{IMPORT}")
    append(project / "app/api.py", "\n\nrouter.include_router(orders.router)\n")
    replace(project / "app/core/queues.py", '    "*": "default"', '    "orders.*": "orders",\n    "*": "default"')
    replace(project / "app/core/celery.py", TRACKED, TRACKED + COMPRESSED)
    replace(project / "app/core/config/celery.py", f"{PER_CHILD}1000\n", f"{PER_CHILD}500\n")
    append(project / ".env.example", "\n# --- Orders\n# ORDERS_CURRENCY=EUR\n")
    replace(project / "README.md", "A FastAPI service with Celery background jobs.", "Takes orders and confirms them.")
    append(project / "README.md", RUNBOOK)
    if (project / "compose.yaml").exists():
        compose = (project / "compose.yaml").read_text()
        own_volume = VOLUMES in compose
        replace(project / "compose.yaml", "    LOG_LEVEL:\n", "    LOG_LEVEL:\n    ORDERS_CURRENCY:\n")
        service = SERVICE if own_volume else SERVICE.replace('    volumes: ["mail:/data"]\n', "")
        replace(project / "compose.yaml", "  api:\n", f"{service}  api:\n")
        if own_volume:
            append(project / "compose.yaml", "  mail:\n")
    for path in ("app/tasks/workflow_task.py", "tests/test_workflows.py"):
        (project / path).unlink()


def replace(file: Path, old: str, new: str) -> None:
    """Replace a text that is there once."""
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))


def append(file: Path, text: str) -> None:
    """Add a text at the end."""
    file.write_text(file.read_text() + text)
