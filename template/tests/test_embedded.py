"""The broker of development and tests."""

from pathlib import Path

from kombu import Connection

from app.core import embedded
from tests.processes import run


def test_messages_keep_their_order_and_appear_whole(tmp_path: Path) -> None:
    embedded.register()
    with Connection(f"embedded://localhost/{tmp_path}") as connection:
        queue = connection.SimpleQueue("numbers")
        for number in range(100):
            queue.put({"number": number})
        received = [queue.get(timeout=5) for _ in range(100)]
        for message in received:
            message.ack()

    assert [message.payload["number"] for message in received] == list(range(100))
    assert list(tmp_path.joinpath("unfinished").iterdir()) == []


def test_it_does_not_exist_in_production(tmp_path: Path) -> None:
    environment = {"ENVIRONMENT": "production", "CELERY_BROKER_URL": f"embedded://localhost/{tmp_path}"}
    result = run("celery", "-A", "app.core.celery", "call", "a.task", **environment)

    assert result.returncode != 0
    assert result.stderr.startswith("error: CELERY_BROKER_URL: it must be the address of ")
