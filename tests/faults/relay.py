"""A port in front of a server's, between the two of which a network can fail.

    relay = Relay(server.port, "postgresql")
    relay.cut_after("COMMIT", nth=1)   # the server commits, and the client never hears of it
    relay.cut_after("COMMIT", probability=0.15, rng=Random(7))
    relay.drop("to_client")            # half open: the bytes of one side vanish, and nobody is told
    relay.delay(0.5, "to_server", "to_client")
    relay.cut()                        # every connection, now
    relay.cut("client")                # the same for one side alone, and the other is not told
    relay.refuse()                     # new ones
    relay.lead_to(other.port)          # new ones reach another server, as behind an address that has moved
    relay.heal()

`relay.counts` says what it has done.
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from .dialects import DIALECTS, Dialect

Direction = Literal["to_server", "to_client"]
Side = Literal["client", "server"]
T = TypeVar("T")

CHUNK = 65_536


@dataclass
class _Cut:
    """When to cut: after the nth of the requests that have this name, or after some of them at random."""

    request: str
    nth: int | None
    probability: float
    rng: Random

    def hits(self) -> bool:
        if self.nth is not None:
            self.nth -= 1
            return self.nth == 0
        return self.rng.random() < self.probability


class Relay:
    """Passes on what is sent to its port, until it is told otherwise or closed.

    Attributes:
        port: Where clients connect.
        counts: How often what was done: `connections`; `refused`; `cut`, connections that were broken; `cut after
            COMMIT` (or another request), those among them whose request was served and whose answer was withheld;
            `dropped`, bytes.
    """

    def __init__(self, server_port: int, server: str | None = None) -> None:
        """Open a port.

        Args:
            server_port: The server's port on 127.0.0.1. Nobody needs to listen there yet.
            server: The server's name, one of `DIALECTS`; needed for `cut_after`.
        """
        self.counts = Counter[str]()
        self._server_port = server_port
        self._dialect = DIALECTS[server] if server else None
        self._dropped: set[Direction] = set()
        self._delays: dict[Direction, float] = {}
        self._cut: _Cut | None = None
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="relay")
        self._thread.start()
        self._listener: asyncio.Server | None = None
        self._listener = self._call(self._listen(0))
        self.port: int = self._listener.sockets[0].getsockname()[1]

    def address(self, url: str) -> str:
        """Return the server's address as a client gets it that is to come through here; another server's as it is."""
        return url.replace(f":{self._server_port}/", f":{self.port}/")

    def drop(self, *directions: Direction) -> None:
        """Swallow bytes, and the end of a connection too; what has lost some stays broken until it is cut."""
        self._do(lambda: self._dropped.update(directions))

    def delay(self, seconds: float, *directions: Direction) -> None:
        """Hold each piece of data for some time."""
        self._do(lambda: self._delays.update(dict.fromkeys(directions, seconds)))

    def cut_after(
        self, request: str, *, nth: int | None = None, probability: float = 0.0, rng: Random | None = None
    ) -> None:
        """Let the server serve a request, and cut the connection before the client gets the answer.

        Args:
            request: The first word of an SQL statement, a command of Redis, or `PUBLISH` for RabbitMQ.
            nth: Cut only after this one, counted from now.
            probability: Otherwise, cut after each one with this probability.
            rng: What decides.
        """
        assert self._dialect is not None, "a relay that reads requests must know the server"
        cut = _Cut(request, nth, probability, rng or Random(0))
        self._do(lambda: setattr(self, "_cut", cut))

    def stop_cutting(self) -> None:
        """Take back what `cut_after` has said."""
        self._do(lambda: setattr(self, "_cut", None))

    def cut(self, side: Side | None = None, *, gracefully: bool = False) -> int:
        """Break every connection; return how many there were.

        Args:
            side: Who is told. The other side holds its half for open, and hears nothing of it until `heal`.
            gracefully: With a FIN, as a server that stops; otherwise with a RST.
        """
        return self._do(lambda: sum(each.cut(side, gracefully=gracefully) for each in tuple(self._connections)))

    def refuse(self) -> None:
        """Listen no longer, which leaves open connections alone."""

        async def close() -> None:
            if self._listener is not None:
                self._listener.close()
                self._listener = None

        self._call(close())

    def lead_to(self, server_port: int) -> None:
        """Connect new clients to another server; open connections stay where they are."""
        self._do(lambda: setattr(self, "_server_port", server_port))

    def heal(self) -> None:
        """Let everything through again; cut what has lost bytes, for it cannot recover."""

        async def restore() -> None:
            self._dropped.clear()
            self._delays.clear()
            self._cut = None
            for connection in tuple(self._connections):
                if connection.lost:
                    connection.cut()
            if self._listener is None:
                self._listener = await self._listen(self.port)

        self._call(restore())

    def close(self) -> None:
        """Take no more connections, and break those that there are."""
        self.refuse()

        async def end() -> None:
            for connection in tuple(self._connections):
                connection.cut()
            if others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=5)

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=200, limit=CHUNK)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts["connections"] += 1
        try:
            server = await asyncio.open_connection("127.0.0.1", self._server_port, limit=CHUNK)
        except OSError:
            self.counts["refused"] += 1
            _reset(writer)
            return
        connection = _Connection(self, (reader, writer), server, self._dialect() if self._dialect else None)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _do(self, change: Callable[[], T]) -> T:
        async def do() -> T:
            return change()

        return self._call(do())

    def _call(self, coroutine: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One client's connection, and the one to the server that belongs to it."""

    LONGEST_WAIT = 2.0  # seconds for an answer that is to be withheld; a server that is frozen gives none

    def __init__(self, relay: Relay, client: Stream, server: Stream, dialect: Dialect | None) -> None:
        self.lost: set[Direction] = set()
        self._relay = relay
        self._client, self._server = client, server
        self._dialect = dialect
        self._asked = Counter[str]()
        self._withholding: str | None = None

    async def run(self) -> None:
        to_server = self._half("to_server", self._client[0], self._server[1])
        to_client = self._half("to_client", self._server[0], self._client[1])
        await asyncio.gather(to_server, to_client)
        for _, writer in (self._client, self._server):
            writer.close()

    async def _half(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(direction, reader, writer)
        except OSError:
            if not self._loses(direction):
                # One side is gone without a word, and so the other one is told.
                for _, each in (self._client, self._server):
                    _reset(each)

    def cut(self, side: Side | None = None, *, gracefully: bool = False, why: str = "cut") -> bool:
        """Break one half or both; tell whether there was something to break."""
        halves = {"client": self._client[1], "server": self._server[1]}
        chosen = [writer for name, writer in halves.items() if side in {None, name} and not writer.is_closing()]
        if not chosen:
            return False
        if side is not None:
            self.lost |= {"to_server", "to_client"}
        self._relay.counts[why] += 1
        for writer in chosen:
            if gracefully:
                writer.close()
            else:
                _reset(writer)
        return True

    async def _pass_on(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._loses(direction):
                self._relay.counts["dropped"] += len(data)
            elif direction == "to_server" or not self._withholds(data):
                if direction == "to_server":
                    self._note(data)
                if pause := self._relay._delays.get(direction):
                    await asyncio.sleep(pause)
                writer.write(data)
                await writer.drain()
        # The end of one half; the other one may go on, and what vanishes in a dead network includes this.
        if not self._loses(direction) and not writer.is_closing():
            writer.write_eof()

    def _loses(self, direction: Direction) -> bool:
        if direction in self._relay._dropped:
            self.lost.add(direction)
        return direction in self.lost

    def _note(self, data: bytes) -> None:
        """Look for the request whose answer is to be withheld."""
        for request in self._dialect.requests(data) if self._dialect else []:
            self._asked[request] += 1
            cut = self._relay._cut
            if self._withholding is None and cut and cut.request == request and cut.hits():
                self._withholding = request
                self._relay._loop.call_later(self.LONGEST_WAIT, self.cut)

    def _withholds(self, data: bytes) -> bool:
        """Tell whether the client must not see these bytes; cut when the server has answered the request."""
        for request in self._dialect.answers(data) if self._dialect else []:
            self._asked[request] -= 1
            if request == self._withholding and self._asked[request] == 0:
                self.cut(why=f"cut after {request}")
        return self._withholding is not None


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
