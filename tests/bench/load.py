"""A generator of HTTP requests that costs little: it sends the same bytes over connections that stay open."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

BODY = b'{"user_id":1,"message":"hello"}'
LIVE = b"GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n"
NOTIFY = (
    b"POST /notify HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    + BODY
)


@dataclass
class Answers:
    """The seconds that each request took, and how often each status was the answer."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0
    generator_cpu: float = 0.0

    def expect(self, status: int) -> None:
        """Fail when there was no answer, or another one."""
        assert set(self.statuses) == {status}, f"answers: {dict(self.statuses)}"


class _Client(asyncio.Protocol):
    """One connection that sends the next request when it has the answer to the last, until the time is over."""

    def __init__(self, request: bytes, answers: Answers, until: float) -> None:
        self.request, self.answers, self.until = request, answers, until
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = b""
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not _is_whole(self.received):
            return
        now = time.perf_counter()
        self.answers.seconds.append(now - self.started)
        self.answers.statuses[int(self.received[9:12])] += 1
        self.received = b""
        if now < self.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _is_whole(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


async def closed_loop(port: int, request: bytes, *, connections: int, seconds: float) -> Answers:
    """Keep a number of connections busy for some time."""
    answers, loop = Answers(), asyncio.get_running_loop()
    started, cpu = time.perf_counter(), time.process_time()
    until = started + seconds
    made = [
        await loop.create_connection(lambda: _Client(request, answers, until), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.ended for _, client in made))
    answers.wall, answers.generator_cpu = time.perf_counter() - started, time.process_time() - cpu
    return answers


async def once(port: int, request: bytes, answers: Answers, *, patience: float) -> None:
    """Send one request over a connection of its own; status 0 stands for no answer within `patience` seconds."""
    started, status = time.perf_counter(), 0
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            received = await reader.read()
            writer.close()
            status = int(received[9:12] or 0)
    except (TimeoutError, ConnectionError):
        pass
    answers.seconds.append(time.perf_counter() - started)
    answers.statuses[status] += 1


async def open_loop(port: int, request: bytes, *, every: float, seconds: float, patience: float) -> Answers:
    """Send a request at each tick, whether the earlier ones were answered or not: what clients would have seen."""
    answers, calls, started = Answers(), [], time.perf_counter()
    for tick in range(int(seconds / every)):
        await asyncio.sleep(max(0.0, started + tick * every - time.perf_counter()))
        calls.append(asyncio.create_task(once(port, request, answers, patience=patience)))
    await asyncio.gather(*calls)
    answers.wall = time.perf_counter() - started
    return answers
