"""Settings: where they come from, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.config import base
from app.core.config.base import explain
from app.core.config.celery import CelerySettings
from tests.processes import run


def test_a_missing_setting_is_one_sentence() -> None:
    result = run("celery", "-A", "app.core.celery", "report", ENVIRONMENT="production", CELERY_BROKER_URL="")

    assert result.returncode != 0
    assert result.stderr.startswith("error: CELERY_BROKER_URL is not set. Set it in the environment or in .env")
    assert "Traceback" not in result.stderr


def test_there_is_an_embedded_default_in_development_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL")
    monkeypatch.setenv("ENVIRONMENT", "development")
    assert CelerySettings().CELERY_BROKER_URL.startswith("embedded://")

    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(ValidationError, match="CELERY_BROKER_URL"):
        CelerySettings()


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings"
    file.write_text("CELERY_TIMEZONE=Europe/Oslo\nCELERY_WORKER_CONCURRENCY=3\n")
    monkeypatch.setenv("CELERY_TIMEZONE", "Asia/Tokyo")

    settings = CelerySettings(_env_file=file)

    assert settings.CELERY_TIMEZONE == "Asia/Tokyo"
    assert settings.CELERY_WORKER_CONCURRENCY == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_TASK_SERIALIZER", "pickle"),
        ("CELERY_TASK_TIME_LIMIT", "0"),
        ("CELERY_TASK_SOFT_TIME_LIMIT", "901"),
        ("CELERY_WORKER_CONCURRENCY", "many"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as refused:
        CelerySettings()

    assert explain(refused.value).startswith("error: ")


def test_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "embedded://user:hunter2@localhost//folder")
    assert "hunter2" not in repr(CelerySettings())

    monkeypatch.setenv("CELERY_TASK_TIME_LIMIT", "never")
    with pytest.raises(ValidationError) as refused:
        CelerySettings()
    assert "hunter2" not in str(refused.value)


def test_nobody_else_looks_into_what_development_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".dev"
    monkeypatch.setattr(base, "DEVELOPMENT", folder)
    monkeypatch.setenv("ENVIRONMENT", "development")

    CelerySettings()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.joinpath("results").is_dir()
