"""The Celery application's configuration."""

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
