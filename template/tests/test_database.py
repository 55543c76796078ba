"""The database: transactions, and tasks that use them."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.core.database import session
from app.models import UserRecord
from tests.conftest import Wait


def count(user_id: int) -> int:
    with session() as db:
        return db.scalar(select(func.count()).where(UserRecord.user_id == user_id)) or 0


def test_a_transaction_is_committed_when_its_block_ends(migrated: None) -> None:
    with session() as db:
        db.add(UserRecord(user_id=1))

    assert count(1) == 1


def test_a_transaction_is_rolled_back_when_its_block_raises(migrated: None) -> None:
    def add_and_fail() -> None:
        with session() as db:
            db.add(UserRecord(user_id=2))
            db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()

    assert count(2) == 0


@pytest.mark.parametrize(("name", "user_id"), [("process_user_data", 3), ("process_user_data_async", 4)])
def test_a_task_uses_the_database_call_after_call(name: str, user_id: int, client: TestClient, finished: Wait) -> None:
    for records in (1, 2, 3):
        queued = client.post(f"/tasks/app.tasks.database_task.{name}", json={"user_id": user_id})
        status = finished(queued.json()["task_id"])
        assert status["result"] == {"user_id": user_id, "records": records}


def test_readiness_includes_the_database(client: TestClient) -> None:
    assert client.get("/health/ready").json()["checks"]["database"]["status"] == "ok"
