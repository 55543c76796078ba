"""The tables. After a change: `make migration MESSAGE="what changed"`, and read what it wrote."""

from datetime import datetime

from sqlalchemy import DateTime, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.model import Base


class UserRecord(Base):
    """One run of `process_user_data`, as an example of a table."""

    __tablename__ = "user_records"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
