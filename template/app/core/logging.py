"""One logging set-up for every process, so that their lines read alike."""

import logging.config
from typing import Any

from celery.signals import setup_logging

from app.core import context
from app.core.config.settings import settings


class ContextFilter(logging.Filter):
    """Tell in every record in which task and on whose behalf it was written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is known of `task`, `task_id`, `organization_id` and `request_id`, and keep the record."""
        known = context.known()
        record.__dict__.update(known)
        record.context = "".join(f" {name}={value}" for name, value in known.items())
        return True


FORMATTERS: dict[str, dict[str, Any]] = {
    "text": {"format": "%(asctime)s %(levelname)s %(name)s%(context)s %(message)s"},
    # https://nhairs.github.io/python-json-logger/
    "json": {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "format": "%(levelname)s %(name)s %(message)s",
        "rename_fields": {"levelname": "level", "name": "logger"},
        "timestamp": True,
        "reserved_attrs": [*logging.makeLogRecord({}).__dict__, "context", "asctime", "color_message", "data"],
    },
}


def configure() -> None:
    """Send every logger's lines to standard error, as text in development and as JSON elsewhere."""
    default = "text" if settings.app.is_local else "json"
    to_the_root: dict[str, Any] = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": ContextFilter}},
            "formatters": FORMATTERS,
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": settings.app.LOG_FORMAT or default,
                    "filters": ["context"],
                },
            },
            "loggers": {"uvicorn": to_the_root, "uvicorn.access": to_the_root},
            "root": {"handlers": ["stderr"], "level": settings.app.LOG_LEVEL},
        }
    )


def install() -> None:
    """Let Celery's processes use this set-up in place of Celery's own."""
    # https://docs.celeryq.dev/en/stable/userguide/signals.html#setup-logging
    setup_logging.connect(_configure, weak=False)


def _configure(**_: Any) -> None:
    configure()
