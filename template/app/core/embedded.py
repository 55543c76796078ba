"""What serves when there is no server: messages and results in files, through kombu's and Celery's own means for it.

It is made for one machine and one developer: a message whose worker is killed is lost. It exists in development and in
tests; in production the scheme `embedded://` is unknown.
"""

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from celery.backends.filesystem import FilesystemBackend
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import ensure_bytes
from kombu.utils.json import dumps

from app.core import envelope
from app.core.readable import Readable


class Channel(filesystem.Channel):
    """Kombu's channel, with its folder taken from the URL and messages that appear whole."""

    def _folder(self, name: str) -> Path:
        client: Any = self.connection.client
        folder = Path(client.virtual_host) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        # Upstream writes in place, and a worker that reads half a message dies.
        # https://github.com/celery/kombu/issues/1551
        # A message that is given back comes first again; a minus stands before every digit.
        place = f"{time.time_ns():020d}"
        if payload.get("redelivered"):
            place = f"-{10**20 - time.time_ns()}"
            payload["properties"]["delivery_info"]["redelivered"] = True  # as a broker says it
        name = f"{place}_{uuid.uuid4()}.{queue}.msg"
        unfinished = self._folder("unfinished") / name
        unfinished.write_text(dumps(payload))
        unfinished.rename(self._folder("messages") / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        for path in sorted(self._folder("messages").iterdir()):
            if path.name.partition(".")[2] != f"{queue}.msg":
                continue
            # Another worker may take it, and whoever moves it has it.
            taken = self._folder("unfinished") / f"{uuid.uuid4()}.taken"
            with suppress(FileNotFoundError):
                path.rename(taken)
                item = taken.read_bytes()
                taken.unlink()
                return envelope.opened(item, queue)
        raise Empty

    @property
    def data_folder_in(self) -> str:
        """The folder that messages are read from."""
        return os.fspath(self._folder("messages"))

    data_folder_out = data_folder_in

    @property
    def control_folder(self) -> Path:
        """The folder that says which queue is bound to which exchange."""
        return self._folder("control")


class Transport(filesystem.Transport):
    """The transport behind `embedded://localhost//folder`."""

    Channel = Channel
    # A worker then runs as in production. In its other loop, a process that is killed may take a lock with it.
    implements = filesystem.Transport.implements.extend(asynchronous=True)
    polling_interval = 0.05  # seconds; kombu's default of one second would be felt

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Look for messages from a worker's event loop."""

        def look() -> None:
            with suppress(TimeoutError):
                while True:
                    super(Transport, self).drain_events(connection, timeout=0)

        loop.call_repeatedly(self.polling_interval, look)

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """Wait for messages, but not so long that a worker which is told to stop seems to hang."""
        super().drain_events(connection, timeout=min(timeout or 0.5, 0.5))


class Results(Readable, FilesystemBackend):
    """Celery's results in files, which appear whole here too: `app.core.embedded:Results+file:///folder`."""

    def now(self) -> float:
        """Return the time: whoever uses the files has the same clock."""
        return time.time()

    def set(self, key: bytes | str, value: bytes, *, nx: bool = False, **_: Any) -> bool:  # type: ignore[override]
        """Write a result beside its place and move it there, so that no reader finds it half written.

        Args:
            key: Its name.
            value: Its content.
            nx: Write only what does not exist yet; the result says whether it was written.
        """
        folder = Path(os.fsdecode(self.path))  # type: ignore[attr-defined]
        place, unfinished = folder / os.fsdecode(key), folder / f".{uuid.uuid4()}"
        unfinished.write_bytes(ensure_bytes(value))
        if not nx:
            unfinished.replace(place)
            return True
        try:
            place.hardlink_to(unfinished)
        except FileExistsError:
            return False
        finally:
            unfinished.unlink()
        return True

    def get(self, key: Any) -> Any:
        """Return what was written under a name."""
        return super().get(os.fsencode(key))  # type: ignore[arg-type]

    def delete(self, key: Any) -> None:
        """Remove what was written under a name, if anything was."""
        with suppress(FileNotFoundError):
            super().delete(os.fsencode(key))  # type: ignore[arg-type]


def register() -> None:
    """Make `embedded://` known to kombu."""
    TRANSPORT_ALIASES["embedded"] = f"{__name__}:Transport"
