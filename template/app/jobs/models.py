"""The table of jobs: a record of each one, and the outbox of those that are still to be sent."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Index, String, Text, TypeDecorator, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.model import Base, LongText, Timestamp
from app.jobs.schemas import TaskError
from app.jobs.states import Record


class UTCDateTime(TypeDecorator[datetime]):
    """A time with its zone, to the microsecond; where the database knows no zone it keeps UTC."""

    impl = Timestamp
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Store UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        if value is None:
            return None
        known: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return known


class JobRecord(Base):
    """One job.

    Attributes:
        status: Celery's name for it, or QUEUED.
        attempts: How often it was started.
        digest: What tells its arguments from others.
        message: The job as text while it is still to be sent; nothing afterwards, for arguments may be private.
        eta: The time before which it does not start, if there is one.
        retry_at: When sending it is tried again, after that failed.
        published_at: When the broker took it; while it is empty, the job waits to be sent.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_organization_id_created_at", "organization_id", "created_at"),
        Index("ix_jobs_published_at_created_at", "published_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(255))
    task_name: Mapped[str] = mapped_column(String(255))
    queue: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    error_type: Mapped[str | None] = mapped_column(String(255))
    error_message: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(LongText)
    eta: Mapped[datetime | None] = mapped_column(UTCDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)

    def as_record(self) -> Record:
        """Return what is told of the job."""
        error = TaskError(type=self.error_type, message=self.error_message or "") if self.error_type else None
        return Record(self.id, self.task_name, self.organization_id, self.status, error, self.digest)
