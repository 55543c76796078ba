"""Results are JSON. Whatever else stands in the result backend is told as an error, and runs nothing."""

import re
from contextlib import suppress
from typing import Any

from celery import states
from celery.backends.base import Backend

# How JSON begins. Celery would also unpack what is compressed, whatever it grows to, and unpickle what looks like a
# result of its own earlier versions, which runs what stands there.
JSON = re.compile(rb'[\s{\["0-9tfnNI-]')


class UnreadableResult(ValueError):
    """What the result backend holds of a task is not a result."""


UNREADABLE = UnreadableResult("What the result backend holds of this task cannot be read.")


class Readable(Backend):
    """Goes before one of Celery's result backends among the bases of a class.

    A task whose result cannot be read has failed, with that as its error.
    """

    def decode(self, payload: Any) -> Any:
        """Read JSON; in place of anything else return the error."""
        if payload is None:
            return None
        text = payload.encode(errors="replace") if isinstance(payload, str) else bytes(payload)
        with suppress(Exception):  # whatever a decoder raises
            if JSON.match(text):
                return super().decode(text)
        return UNREADABLE

    def exception_to_python(self, exc: Any) -> Any:
        """Return an error under its own name, also when its class takes more than a message."""
        error = super().exception_to_python(exc)
        if type(error) is not Exception or not isinstance(exc, dict) or exc["exc_type"] == "Exception":
            return error
        name, arguments = str(exc["exc_type"]).rpartition(".")[2], exc.get("exc_message", "")
        return type(name, (Exception,), {})(*arguments if isinstance(arguments, list | tuple) else [arguments])

    def meta_from_decoded(self, meta: Any) -> dict[str, Any]:
        """Return what is known of a task, in the form that everybody expects."""
        with suppress(Exception):
            if isinstance(meta["status"], str) and meta["result"] is not UNREADABLE:
                return dict(super().meta_from_decoded(meta))
        return {"status": states.FAILURE, "result": UNREADABLE}
