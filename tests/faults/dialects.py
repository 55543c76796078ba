"""What servers are asked and when they have answered, read from the bytes of a connection as they pass."""

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import ClassVar


class Dialect(ABC):
    """One connection's conversation. Bytes come in pieces of any size."""

    def __init__(self) -> None:
        self._asked, self._told = b"", b""

    def requests(self, data: bytes) -> list[str]:
        """Return the names of the requests that are complete with these bytes of the client."""
        self._asked += data
        return list(self._requests())

    def answers(self, data: bytes) -> list[str]:
        """Return the names of the requests whose answers are complete with these bytes of the server."""
        self._told += data
        return list(self._answers())

    @abstractmethod
    def _requests(self) -> Iterator[str]: ...

    @abstractmethod
    def _answers(self) -> Iterator[str]: ...


class PostgreSQLDialect(Dialect):
    """Messages with a type and a length: https://www.postgresql.org/docs/current/protocol-message-formats.html."""

    ENCRYPTION: ClassVar = {80877103, 80877104}  # requests for TLS and GSSAPI, each answered by a single byte

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._single_bytes = 0

    def _requests(self) -> Iterator[str]:
        while True:
            head = 1 if self._started else 0
            if len(self._asked) < head + 4:
                return
            end = head + int.from_bytes(self._asked[head : head + 4])
            if len(self._asked) < end:
                return
            message, self._asked = self._asked[:end], self._asked[end:]
            if not self._started:
                encrypt = int.from_bytes(message[4:8]) in self.ENCRYPTION
                self._single_bytes += encrypt
                self._started = not encrypt
            elif message[:1] == b"Q":
                yield _first_word(message[5:])
            elif message[:1] == b"P":  # of the extended protocol; before the statement there is its name
                yield _first_word(message[5:].partition(b"\0")[2])

    def _answers(self) -> Iterator[str]:
        while self._told:
            if self._single_bytes:
                self._single_bytes -= 1
                self._told = self._told[1:]
                continue
            end = 1 + int.from_bytes(self._told[1:5])
            if len(self._told) < max(end, 5):
                return
            message, self._told = self._told[:end], self._told[end:]
            if message[:1] == b"C":
                yield _first_word(message[5:])


class MariaDBDialect(Dialect):
    """Packets with a length and a number, one request at a time: https://mariadb.com/docs/server/reference/clientserver-protocol."""

    COM_QUERY: ClassVar = 3

    def __init__(self) -> None:
        super().__init__()
        self._waiting = ""

    def _requests(self) -> Iterator[str]:
        while len(self._asked) >= 4:
            end = 4 + int.from_bytes(self._asked[:3], "little")
            if len(self._asked) < end:
                return
            packet, self._asked = self._asked[:end], self._asked[end:]
            # The first packet of a request has the number zero; the client's part of the handshake has another.
            if packet[3] == 0:
                self._waiting = _first_word(packet[5:]) if packet[4] == self.COM_QUERY else "?"
                yield self._waiting

    def _answers(self) -> Iterator[str]:
        self._told = b""
        if self._waiting:
            yield self._waiting
        self._waiting = ""


class RedisDialect(Dialect):
    """Values, and one for each request in the same order: https://redis.io/docs/latest/develop/reference/protocol-spec/."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = deque[str]()

    def _requests(self) -> Iterator[str]:
        while end := _value(self._asked, 0):
            request, self._asked = self._asked[:end], self._asked[end:]
            name = request.split(b"\r\n", 3)[2].decode().upper()  # after the array's length and that of its first text
            self._waiting.append(name)
            yield name

    def _answers(self) -> Iterator[str]:
        while end := _value(self._told, 0):
            self._told = self._told[end:]
            if self._waiting:  # a subscription has more answers than requests
                yield self._waiting.popleft()


class RabbitMQDialect(Dialect):
    """Frames of channels, and publications with their confirms: https://www.rabbitmq.com/docs/confirms."""

    PUBLISH: ClassVar = (60, 40)
    ACK: ClassVar = (60, 80)

    def __init__(self) -> None:
        super().__init__()
        self._greeting = 8
        self._bodies: dict[int, int | None] = {}

    def _requests(self) -> Iterator[str]:
        if len(self._asked) < self._greeting:
            return
        self._asked, self._greeting = self._asked[self._greeting :], 0
        frames, self._asked = _frames(self._asked)
        for kind, channel, payload in frames:
            if kind == 1 and _method(payload) == self.PUBLISH:
                self._bodies[channel] = None
            elif kind == 2 and channel in self._bodies:
                self._bodies[channel] = int.from_bytes(payload[4:12])
            elif kind == 3 and channel in self._bodies:
                self._bodies[channel] = (self._bodies[channel] or 0) - len(payload)
            if self._bodies.get(channel) == 0:
                del self._bodies[channel]
                yield "PUBLISH"

    def _answers(self) -> Iterator[str]:
        frames, self._told = _frames(self._told)
        for kind, _, payload in frames:
            if kind == 1 and _method(payload) == self.ACK:
                yield "PUBLISH"


def _first_word(statement: bytes) -> str:
    found = re.match(rb"\s*(\w+)", statement)
    return found[1].decode().upper() if found else "?"


def _value(data: bytes, start: int) -> int:
    """Return where one of Redis's values ends that begins at a place; zero while it is not complete."""
    end = data.find(b"\r\n", start)
    if end < 0:
        return 0
    kind, number, end = data[start : start + 1], data[start + 1 : end], end + 2
    if kind in b"$=!":
        end += int(number) + 2 if int(number) >= 0 else 0
        return end if end <= len(data) else 0
    for _ in range(int(number) * (2 if kind == b"%" else 1) if kind in b"*%~>" else 0):
        if not (end := _value(data, end)):
            return 0
    return end


def _frames(data: bytes) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """Return RabbitMQ's complete frames, each with its kind, channel and content, and what is left."""
    found = []
    while len(data) >= 7:
        size = int.from_bytes(data[3:7])
        if len(data) < size + 8:
            break
        found.append((data[0], int.from_bytes(data[1:3]), data[7 : 7 + size]))
        data = data[size + 8 :]
    return found, data


def _method(payload: bytes) -> tuple[int, int]:
    return int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])


DIALECTS: dict[str, type[Dialect]] = {
    "redis": RedisDialect,
    "rabbitmq": RabbitMQDialect,
    "postgresql": PostgreSQLDialect,
    "mysql": MariaDBDialect,
}
"""By the name of the server."""
