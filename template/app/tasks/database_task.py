"""Tasks with the database, in both styles. Change them or delete them."""

from typing import Any

from sqlalchemy import func, select

from app.core.celery import celery_app, with_db_init
from app.core.database import async_session, session
from app.models import UserRecord


@celery_app.task(public=True)
@with_db_init
def process_user_data(user_id: int) -> dict[str, Any]:
    """Add a record for a user and count the user's records, in one transaction."""
    with session() as db:
        db.add(UserRecord(user_id=user_id))
        db.flush()
        records = db.scalar(select(func.count()).where(UserRecord.user_id == user_id))
    return {"user_id": user_id, "records": records}


@celery_app.task(public=True)
@with_db_init
async def process_user_data_async(user_id: int) -> dict[str, Any]:
    """Do the same with an asynchronous session."""
    async with async_session() as db:
        db.add(UserRecord(user_id=user_id))
        await db.flush()
        records = await db.scalar(select(func.count()).where(UserRecord.user_id == user_id))
    return {"user_id": user_id, "records": records}
