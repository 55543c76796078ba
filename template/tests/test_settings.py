"""Settings: where they come from, and what is refused."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.config import base
from app.core.config.app import AppSettings
from app.core.config.base import explain
from app.core.config.celery import CelerySettings
from tests.processes import run, script


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


@pytest.mark.parametrize(
    ("spelled", "meant", "strict"),
    [
        ("development", "development", False), ("Dev", "development", False), ("local", "development", False),
        ("TEST", "test", False), ("testing", "test", False), ("prod", "production", True), ("qa", "qa", True),
        ("LIVE\n", "production", True), ("stage", "staging", True), ("STAGING", "staging", True),
    ],
)  # fmt: skip
def test_a_stage_may_be_spelled_as_people_do_and_is_strict_unless_it_is_a_developers(
    spelled: str, meant: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL")
    monkeypatch.setenv("ENVIRONMENT", spelled)

    settings = AppSettings()

    assert meant == settings.ENVIRONMENT
    assert settings.is_local is not strict
    assert settings.describes_itself is not strict
    if strict:
        with pytest.raises(ValidationError, match="CELERY_BROKER_URL"):
            CelerySettings()


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [("info", "INFO"), ("Warn", "WARNING"), ("FATAL", "CRITICAL"), ("critical", "CRITICAL"), ("trace", "DEBUG"),
     ("notset", "NOTSET"), ("debug\n", "DEBUG")],
)  # fmt: skip
def test_a_level_may_be_spelled_as_people_do(spelled: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", spelled)
    assert meant == AppSettings().LOG_LEVEL

    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(ValidationError, match="LOG_LEVEL"):
        AppSettings()


@pytest.mark.parametrize("spelled", ["true", "True", "1", "yes", "ON\n"])
def test_a_switch_may_be_spelled_as_people_do(spelled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_DOCS", spelled)
    assert AppSettings().API_DOCS is True


def test_what_is_meant_for_something_else_changes_no_setting() -> None:
    wrong = "scheme://elsewhere.example:1/0"
    others = ("BROKER_URL", "RESULT_BACKEND", "CELERY_BROKER", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
    program = (
        "from app.core.celery import celery_app as app; import os;"
        "print(app.conf.broker_read_url, app.conf.broker_write_url, app.conf.result_backend, type(app.loader).__name__)"
    )
    modules = {"CELERY_LOADER": "nowhere:Loader", "LOADER": "nowhere:Loader", "CONFIG_MODULE": "nowhere",
               "CELERY_CONFIG_MODULE": "nowhere", "API_PORT": "tcp://10.0.0.1:80"}  # fmt: skip
    environment = {**dict.fromkeys(others, wrong), **modules}
    broker, results = os.environ["CELERY_BROKER_URL"], os.environ["CELERY_RESULT_BACKEND"]

    told = script(program, **environment)
    report = run("celery", "-A", "app.core.celery", "report", **environment)

    assert told.stdout.split() == [broker, broker, results, "AppLoader"], told.stderr
    assert report.returncode == 0, report.stderr
    assert "elsewhere.example" not in report.stdout
    assert "AppLoader" in report.stdout


def test_windows_itself_is_refused_in_a_sentence() -> None:
    done = script("import sys; sys.platform = 'win32'; import app.main")
    assert done.returncode == 1
    assert done.stderr == "error: this runs on Windows only in WSL: https://learn.microsoft.com/windows/wsl.\n"
