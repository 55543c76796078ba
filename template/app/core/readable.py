"""Results are JSON. Whatever else stands in the result backend is told as an error, and runs nothing."""

import json
import re
from contextlib import suppress
from typing import Any

from celery import states
from celery.backends.base import Backend

from app.core.outcome import message_of, name_of, stand_in, storable

# How JSON begins. Celery would also unpack what is compressed, whatever it grows to, and unpickle what looks like a
# result of its own earlier versions, which runs what stands there.
JSON = re.compile(rb'[\s{\["0-9tfnNI-]')


class UnreadableResult(ValueError):
    """What the result backend holds of a task is not a result."""


# Characters of a traceback, whose end says most, and bytes of an error's arguments.
LONGEST_TRACEBACK = 16_000
LARGEST_ERROR = 32_000

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

    def prepare_exception(self, exc: Any, serializer: Any = None) -> Any:
        """Return an error as JSON, with its name and message alone unless it can be made again of what is stored."""
        name, message = name_of(exc), message_of(exc)
        with suppress(Exception):
            prepared = super().prepare_exception(exc, serializer)
            text = self.encode(prepared)
            if len(text) <= LARGEST_ERROR:
                read = self.exception_to_python(json.loads(text))
                if (name_of(read), message_of(read)) == (name, message):
                    return prepared
        return super().prepare_exception(stand_in(name, message), serializer)

    def exception_to_python(self, exc: Any) -> Any:
        """Return an error under its own name, also when its class takes more than a message."""
        error = super().exception_to_python(exc)
        if not isinstance(exc, dict) or (name := str(exc["exc_type"]).rpartition(".")[2]) == type(error).__name__:
            return error
        arguments = exc.get("exc_message", "")
        return type(name, (Exception,), {})(*arguments if isinstance(arguments, list | tuple) else [arguments])

    def store_result(
        self, task_id: Any, result: Any, state: Any, traceback: Any = None, request: Any = None, **kwargs: Any
    ) -> Any:
        """Store a result with a traceback that every store takes."""
        if isinstance(traceback, str):
            traceback = self.text(storable(traceback[-LONGEST_TRACEBACK:]))
        return super().store_result(task_id, result, state, traceback=traceback, request=request, **kwargs)

    def text(self, text: str) -> str:
        """Return a text as the store takes it."""
        return text

    def meta_from_decoded(self, meta: Any) -> dict[str, Any]:
        """Return what is known of a task, in the form that everybody expects."""
        with suppress(Exception):
            if isinstance(meta["status"], str) and meta["result"] is not UNREADABLE:
                return dict(super().meta_from_decoded(meta))
        return {"status": states.FAILURE, "result": UNREADABLE}
