"""Celery's settings from the environment; the names are Celery's own in upper case, but for CELERY_SIGNING_KEY."""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import BeforeValidator, Field, PositiveInt, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode

from app.core.addresses import broker, cleaned, results
from app.core.config.base import DEVELOPMENT, LOCAL, Concern

UNSIGNED = "unsigned"
SHORTEST_KEY = 32  # bytes


def _keys(value: Any) -> tuple[str, ...]:
    # No message shows what stands there.
    keys = tuple(key.strip() for key in value.split(",")) if isinstance(value, str) else tuple(value)
    if any(len(key.encode()) < SHORTEST_KEY for key in keys if key != UNSIGNED):
        message = f"a key must be {SHORTEST_KEY} bytes or longer"
        raise ValueError(message)
    if keys and keys[0] == UNSIGNED:
        message = f"it begins with the key that signs; `{UNSIGNED}` comes behind it"
        raise ValueError(message)
    return keys


class CelerySettings(Concern):
    """Broker, results and limits.

    Attributes:
        CELERY_TASK_TIME_LIMIT: Seconds after which a task's process is killed.
        CELERY_TASK_SOFT_TIME_LIMIT: Seconds after which a task gets `SoftTimeLimitExceeded` and may clean up.
        CELERY_RESULT_EXPIRES: Seconds for which a result can be asked for.
        CELERY_WORKER_CONCURRENCY: Processes of a worker; `auto` counts the CPUs that the container may use.
        CELERY_WORKER_MAX_TASKS_PER_CHILD: Tasks after which a process is replaced, which bounds memory leaks.
        CELERY_SIGNING_KEY: With it, what is sent is signed and what is not signed is refused. Several are separated by
            commas: the first one signs, and each is believed. The word `unsigned` among them lets everything in that
            has no signature, while a team switches this on.
        CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT: Seconds that running tasks get to end when a worker is told to stop.
    """

    embedded: ClassVar[dict[str, str]] = {
        "CELERY_BROKER_URL": f"embedded://localhost/{quote(str(DEVELOPMENT))}/broker",
        "CELERY_RESULT_BACKEND": f"app.core.embedded:Results+file://{DEVELOPMENT}/results",
    }

    CELERY_BROKER_URL: str = Field(repr=False)
    CELERY_RESULT_BACKEND: str = Field(repr=False)
    # Pickle would let whoever reaches the broker run code in the worker.
    # https://docs.celeryq.dev/en/stable/userguide/security.html#serializers
    CELERY_TASK_SERIALIZER: Literal["json"] = "json"
    CELERY_RESULT_SERIALIZER: Literal["json"] = "json"
    CELERY_SIGNING_KEY: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_keys)] = Field(default=(), repr=False)
    CELERY_TIMEZONE: str = "UTC"
    CELERY_ENABLE_UTC: bool = True
    CELERY_TASK_TIME_LIMIT: PositiveInt = 900
    CELERY_TASK_SOFT_TIME_LIMIT: PositiveInt = 870
    CELERY_RESULT_EXPIRES: PositiveInt = 86_400
    CELERY_WORKER_CONCURRENCY: PositiveInt | Literal["auto"] = "auto"
    CELERY_WORKER_PREFETCH_MULTIPLIER: PositiveInt = 1
    CELERY_WORKER_MAX_TASKS_PER_CHILD: PositiveInt = 1000
    CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT: PositiveInt = 45

    @property
    def has_embedded_broker(self) -> bool:
        """Whether messages are files, where a queue that was bound to an exchange stays so."""
        return self.CELERY_BROKER_URL.startswith("embedded:")

    @field_validator("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
    @classmethod
    def _address(cls, text: str, info: ValidationInfo) -> str:
        if text.startswith("embedded:") and info.data.get("ENVIRONMENT") in LOCAL:
            return text
        text = cleaned(text)
        # Celery finds a class of the project's own by its place.
        if info.field_name == "CELERY_RESULT_BACKEND" and re.match(r"[\w.]+:\w+[+:]", text):
            return text
        read: Callable[[str], str] = {"CELERY_BROKER_URL": broker.read, "CELERY_RESULT_BACKEND": results.read}[
            str(info.field_name)
        ]
        return read(text)

    @model_validator(mode="after")
    def _soft_limit_comes_first(self) -> Self:
        if self.CELERY_TASK_SOFT_TIME_LIMIT >= self.CELERY_TASK_TIME_LIMIT:
            message = "CELERY_TASK_SOFT_TIME_LIMIT must be below CELERY_TASK_TIME_LIMIT"
            raise ValueError(message)
        return self
