"""The Celery application's configuration."""

from pathlib import Path

import pytest

from app.core import celery
from app.core.celery import celery_app
from app.core.config.settings import settings


def test_nothing_but_json_is_accepted() -> None:
    assert celery_app.conf.accept_content == ["json"]
    assert celery_app.conf.task_serializer == celery_app.conf.result_serializer == "json"


def test_queues_are_named_after_the_project() -> None:
    assert all(name.startswith(f"{settings.app.SLUG}.") for name in celery_app.amqp.queues)


def test_a_task_is_acknowledged_when_it_has_ended() -> None:
    assert celery_app.conf.task_acks_late
    assert celery_app.conf.task_retry_on_worker_lost
    assert celery_app.conf.worker_prefetch_multiplier == 1


def test_what_editors_and_file_systems_leave_beside_tasks_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = tmp_path / "app" / "tasks"
    for folder in ("mail", ".ipynb_checkpoints", "__pycache__", "a copy", "folder.py"):
        (tasks / folder).mkdir(parents=True)
    for name in (
        "__init__.py", "a_task.py", "mail/b_task.py", "._a_task.py", "#a_task.py#", "#a_task.py", "a_task~.py",
        "a_task copy.py", "a-task.py", "a_task (1).py", "a_task.py.py", "a_task.py~",
        ".ipynb_checkpoints/a_task-checkpoint.py", "__pycache__/a_task.py", "a copy/a_task.py", "notes.txt",
    ):  # fmt: skip
        (tasks / name).write_text("")
    (tasks / ".#a_task.py").symlink_to("me@host.1")  # Emacs, while a buffer is not saved
    (tasks / "gone.py").symlink_to("nowhere.py")
    monkeypatch.setattr(celery, "APP", tmp_path / "app")

    assert celery.task_modules() == ["app.tasks.a_task", "app.tasks.mail.b_task"]

    told = {record.getMessage().partition(" is left out")[0] for record in caplog.records}
    named = {"a_task copy.py", "a-task.py", "a_task (1).py", "a_task.py.py", "a copy/a_task.py"}
    assert told == {f"app/tasks/{name}" for name in named}
