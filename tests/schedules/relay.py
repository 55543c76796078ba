"""A port in front of a server's, on which answers are lost: the server has done what it was told to, unheard."""

import re
import socket
import threading
from contextlib import suppress
from typing import Self


class LossyRelay:
    """Passes on what is sent to its port, until it is closed.

    When something is changed, the connection breaks instead of passing on the answer, unless it is the same again.

    Args:
        port: The server's.
        change: A pattern of what is in a request that changes something.
        end: The same of what makes the change last, in this request or in a later one.
    """

    def __init__(self, port: int, change: bytes, end: bytes) -> None:
        self.lost = 0
        self._to = port
        self._change, self._end = re.compile(change), re.compile(end)
        self._changes: set[bytes] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                doomed = threading.Event()
                threading.Thread(target=self._ask, args=(client, server, doomed), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client, doomed), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        change = b""
        with suppress(OSError):
            while chunk := client.recv(65536):
                if self._change.search(chunk):
                    change = chunk
                if change and self._end.search(chunk):
                    if change not in self._changes:
                        self._changes.add(change)
                        doomed.set()
                    change = b""
                server.sendall(chunk)
        _close(server)

    def _answer(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while chunk := server.recv(65536):
                if doomed.is_set():
                    self.lost += 1
                    break
                client.sendall(chunk)
        _close(client)
        _close(server)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
