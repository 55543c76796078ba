"""Messages that no sender of the project would send: each kind that is known, and as many by chance as one likes."""

import base64
import bz2
import copy
import json
import lzma
import random
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import amqp
import redis
from kombu.connection import Connection

SLUG = "demo-project"
NOTE = "app.tasks.fault_probe.note"
DEEP = 30_000


@cache
def bomb() -> bytes:
    """Return a few hundred kilobytes that hold 400 MiB."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(400)), packer.flush()])


@dataclass
class Letter:
    """What a message says, on either broker."""

    headers: Any = field(default_factory=dict)
    body: bytes = b'[[], {"path": "/dev/null"}, null]'
    content_type: Any = "application/json"
    content_encoding: Any = "utf-8"
    properties: dict[str, Any] = field(default_factory=dict)


def good(**headers: Any) -> Letter:
    """Return a message that a worker runs, with other headers besides."""
    task_id = str(uuid.uuid4())
    own = {"lang": "py", "task": NOTE, "id": task_id, "root_id": task_id, "retries": 0, "timelimit": [None, None],
           "argsrepr": "()", "kwargsrepr": "{}", "origin": "test", "ignore_result": False,
           "organization_id": "acme"}  # fmt: skip
    return Letter({**own, **headers}, properties={"correlation_id": task_id, "reply_to": "", "priority": 4})


def _with(body: bytes | Any, **changes: Any) -> Letter:
    letter = good()
    letter.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    for name, value in changes.items():
        setattr(letter, name, value)
    return letter


def _embedding(**embed: Any) -> Letter:
    return _with([[], {"path": "/dev/null"}, embed])


# Each stands for a part of a message that somebody reads, and for one way of reading it.
KNOWN: dict[str, Callable[[], Letter]] = {
    "bytes that say they are data": lambda: _with(b"\x00\x01", content_type="application/data"),
    "text that says it is data": lambda: _with(b"args", content_type="application/data", content_encoding="utf-8"),
    "no content type": lambda: _with(b"[[], {}, {}]", content_type=None),
    "plain text": lambda: _with(b"args kwargs", content_type="text/plain"),
    "a pickle": lambda: _with(b"\x80\x04N.", content_type="application/x-python-serialize", content_encoding="binary"),
    "an unknown encoding": lambda: _with(b"[[], {}, {}]", content_encoding="no-such-encoding"),
    "no body": lambda: _with(b""),
    "a number": lambda: _with(b"7"),
    "nothing": lambda: _with(b"null"),
    "a text": lambda: _with(b'"args"'),
    "a list of two": lambda: _with([[], {}]),
    "a list of four": lambda: _with([[], {}, {}, {}]),
    "the first protocol": lambda: Letter({}, json.dumps({"task": NOTE, "id": "1", "args": [], "kwargs": {}}).encode()),
    "both protocols": lambda: _with({"task": NOTE, "id": "1", "args": 5, "kwargs": 6}),
    "arguments that are none": lambda: _with([7, "x", []]),
    "keyword arguments that are a list": lambda: _with([[], [], {}]),
    "a body that is deep": lambda: _with(b"[" * DEEP + b"]" * DEEP),
    "arguments that are deep": lambda: _with(b'[[], {"path": ' + b"[" * 900 + b"]" * 900 + b"}, null]"),
    "a number of many digits": lambda: _with(b"[[], {}, " + b"9" * 6000 + b"]"),
    "no number": lambda: _with(b'[[], {"path": NaN}, null]'),
    "half a character": lambda: _with(b'[[], {"path": "\\ud800"}, null]'),
    "no UTF-8": lambda: _with(b'[[], {"path": "\xff\xfe"}, null]'),
    "a type of its own that is none": lambda: _with(b'[[], {"a": {"__type__": "datetime", "__value__": "x"}}, null]'),
    "a callback that is none": lambda: _embedding(callbacks=[7]),
    "callbacks that are none": lambda: _embedding(callbacks="x"),
    "a callback without a name": lambda: _embedding(callbacks=[{"options": {}}]),
    "error callbacks that are none": lambda: _embedding(errbacks={"a": 1}),
    "a chord that is none": lambda: _embedding(chord=7),
    "a chain that is none": lambda: _embedding(chain=["x"]),
    "an embedded header": lambda: _embedding(id="other", organization_id="other", job=True),
    "embedded keys that are none": lambda: _with([[], {}, {"": 1, "get": 2, "update": 3}]),
    "no task": lambda: Letter({"id": str(uuid.uuid4())}, b"[[], {}, null]"),
    "no id": lambda: Letter({"task": NOTE}, b"[[], {}, null]"),
    "an unknown task": lambda: good(task="app.tasks.nowhere.nothing"),
    "a compression": lambda: _with(zlib.compress(b"[[], {}, null]"), headers=good(compression="gzip").headers),
    "a bomb (gzip)": lambda: _with(bomb(), headers=good(compression="application/x-gzip").headers),
    "a bomb (bzip2)": lambda: _with(
        bz2.compress(bytes(100 * 2**20)), headers=good(compression="application/x-bz2").headers
    ),
    "a bomb (lzma)": lambda: _with(
        lzma.compress(bytes(100 * 2**20), preset=0), headers=good(compression="application/x-lzma").headers
    ),
    "an unknown compression": lambda: _with(b"x", headers=good(compression="application/x-none").headers),
    "a compression that is none": lambda: _with(b"x", headers=good(compression=["gzip"]).headers),
    "a large body": lambda: _with(b'[["' + b"x" * (20 * 2**20) + b'"], {}, null]'),
    "a large header": lambda: good(argsrepr="x" * 100_000),
}

TIMES = ("0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "2000-01-01", "soon", "", "9999-99-99T00:00:00", 0, -1,
         1e300)  # fmt: skip
NONSENSE: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 2**31, 2**62, -(2**62), 0.5, 1e300, "", "x", "\0", "é" * 300, "../../etc/passwd",
    "{0.__class__}", "%s%n", [], [[]], [None], ["x", 1], [1, 2, 3], {}, {"a": {"b": [1]}}, {"task": NOTE}, "y" * 5000,
)  # fmt: skip
ON_REDIS: tuple[Any, ...] = (
    float("inf"), float("-inf"), float("nan"), 10**400, "\ud800",
    {"__type__": "datetime", "__value__": "x"}, {"__type__": "nothing", "__value__": 1},
)  # fmt: skip
ON_RABBITMQ: tuple[Any, ...] = (b"\xff\xfe", datetime(2020, 1, 1), Decimal("1.5"), {"a": [{"b": {"c": b"\0"}}]})  # noqa: DTZ001
HEADERS = (
    "id", "task", "lang", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id",
    "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting", "stamped_headers",
    "stamps", "organization_id", "request_id", "job", "part_of", "signature", "dead_letters", "x-death", "redelivered",
    "x-delivery-count", "compression", "get", "update", "clear", "as_execution_options", "children", "headers",
    "delivery_info", "properties", "is_eager", "called_directly", "hostname", "loglevel", "args", "kwargs", "utc",
    "callbacks", "errbacks", "chain", "chord", "clock", "__class__", "__dict__", "",
)  # fmt: skip
EMBEDDED = ("callbacks", "errbacks", "chain", "chord", "group", "id", "")


def by_chance(chance: random.Random, count: int, values: tuple[Any, ...]) -> Iterator[Letter]:
    """Change one to three parts of a good message, again and again."""
    values = (*NONSENSE, *values)
    for _ in range(count):
        letter = good()
        for _ in range(chance.randint(1, 3)):
            _change(letter, chance, copy.deepcopy(chance.choice(values)))
        yield letter


def _change(letter: Letter, chance: random.Random, value: Any) -> None:
    part = chance.choice(("header", "header", "header", "header", "lost", "body", "embedded", "bytes", "kind"))
    match part:
        case "header":
            name = chance.choice(HEADERS)
            if name == "id" and isinstance(value, str) and 0 < len(value) < 100 and value.isprintable():
                value += str(uuid.uuid4())  # an id that may be, and is no other message's
            letter.headers[name] = chance.choice(TIMES) if name in {"eta", "expires"} else value
        case "lost" if letter.headers:
            del letter.headers[chance.choice(sorted(letter.headers))]
        case "body":
            letter.body = _json(value)
        case "embedded":
            embed = {chance.choice(EMBEDDED): value}
            letter.body = _json([chance.choice(([], value)), chance.choice(({"path": "/dev/null"}, value)), embed])
        case "bytes":
            body = bytearray(letter.body or b"x")
            body[chance.randrange(len(body))] = chance.randrange(256)
            letter.body = bytes(body)
        case "kind":
            letter.content_type = chance.choice(("application/data", "application/x-yaml", "", "application/json"))
            letter.content_encoding = chance.choice(("binary", "utf-8", "utf-16", "", "x"))


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError):
        return repr(value).encode()


def traced(letter: Letter, traces: str) -> Letter:
    """Return a letter whose task, if it runs after all, says so in a file."""
    letter.body = letter.body.replace(b'"/dev/null"', json.dumps(traces).encode())
    return letter


# REDIS ----------------------------------------------------------------------------------------------------------------


def enveloped(letter: Letter) -> dict[str, Any]:
    """Return a message as kombu puts it on a list."""
    delivery = {"exchange": f"{SLUG}.tasks", "routing_key": f"{SLUG}.default"}
    return {
        "body": base64.b64encode(letter.body).decode(),
        "content-type": letter.content_type,
        "content-encoding": letter.content_encoding,
        "headers": letter.headers,
        "properties": {
            **letter.properties,
            "body_encoding": "base64",
            "delivery_mode": 2,
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": delivery,
        },
    }


# Where a value stands in the envelope, and what may be wrong with it.
PLACES = (
    ("body",), ("content-type",), ("content-encoding",), ("headers",), ("properties",),
    ("properties", "body_encoding"), ("properties", "delivery_tag"), ("properties", "delivery_info"),
    ("properties", "delivery_info", "exchange"), ("properties", "delivery_info", "routing_key"),
    ("properties", "priority"), ("properties", "correlation_id"), ("properties", "reply_to"),
    ("properties", "delivery_mode"), ("properties", "unknown"), ("unknown",),
)  # fmt: skip
NO_ENVELOPES = (
    b"", b" ", b"\0", b"\xff\xfe\x00", b"null", b"[]", b"{}", b"7", b'"x"', b"{", b"[" * DEEP, b"9" * 6000, b"NaN",
    b'{"a":' * DEEP, json.dumps({"body": ""}).encode("utf-16"),
)  # fmt: skip


def on_a_list(chance: random.Random, count: int, traces: str) -> Iterator[bytes]:
    """Return what to push to a list: no envelope at all, one with something wrong, or a bad message in a good one."""
    yield from (item for item in NO_ENVELOPES if item)
    for make in KNOWN.values():
        yield json.dumps(enveloped(traced(make(), traces))).encode()
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    yield json.dumps(enveloped(good(deep=deep))).encode()
    for *path, name in PLACES:
        for value in (*NONSENSE[:: chance.randint(2, 4)], *ON_REDIS):
            item = enveloped(traced(good(), traces))
            place = item
            for step in path:
                place = place[step]
            place[name] = value
            yield json.dumps(item).encode()
    for letter in by_chance(chance, count, ON_REDIS):
        yield json.dumps(enveloped(traced(letter, traces))).encode()


def push(url: str, items: list[bytes], chance: random.Random) -> None:
    """Put items on the lists of the default queue, each on that of some priority."""
    with redis.Redis.from_url(url) as server:
        for item in items:
            priority = chance.randrange(10)
            server.lpush(f"{SLUG}.default\x06\x16{priority}" if priority else f"{SLUG}.default", item)


# RABBITMQ -------------------------------------------------------------------------------------------------------------


class Raw(amqp.Message):  # type: ignore[misc]
    """A message whose properties are bytes, whatever they mean."""

    raw = b""

    def _serialize_properties(self) -> bytes:
        return self.raw


def _text(text: bytes) -> bytes:
    return struct.pack(">B", len(text)) + text


def _table(content: bytes) -> bytes:
    return struct.pack(">H", 0x2000) + struct.pack(">I", len(content)) + content


def _nested(depth: int) -> bytes:
    value = b"V"
    for _ in range(depth):
        value = b"F" + struct.pack(">I", len(value) + 2) + _text(b"a") + value
    return _text(b"a") + value


# Which property flags announce what: 0x8000 the content type, 0x0400 the correlation id, 0x2000 the headers.
RAW = (
    struct.pack(">H", 0x8000) + _text(b"\xff\xfe"),
    struct.pack(">H", 0x4000) + _text(b"\xff\xfe"),
    struct.pack(">H", 0x0400) + _text(b"\xff\xfe"),
    _table(_text(b"when") + b"T" + b"\x7f" + b"\xff" * 7),
    _table(_text(b"when") + b"T" + b"\xff" * 8),
    _table(_text(b"\xff\xfe") + b"V"),
    _table(_text(b"a") + b"D\xff\x7f\xff\xff\xff"),
    _table(_text(b"a") + b"d" + struct.pack(">d", float("nan"))),
    _table(_text(b"task") + b"S" + struct.pack(">I", 2) + b"\xff\xfe"),
    _table(_nested(2500)),
)


def publish(url: str, letters: list[Letter], raw: tuple[bytes, ...] = RAW) -> int:
    """Publish letters to the default queue past kombu; return how many the broker has taken."""
    taken = 0
    with Connection(url) as connection:
        for content in raw:
            message = Raw(b"[[], {}, null]")
            message.raw = content
            taken += _publish(connection, message)
        for letter in letters:
            properties = {name: value for name, value in letter.properties.items() if isinstance(value, str)}
            kinds = {"content_type": letter.content_type, "content_encoding": letter.content_encoding}
            message = amqp.Message(letter.body, application_headers=letter.headers, priority=4, **kinds, **properties)
            taken += _publish(connection, message)
    return taken


def _publish(connection: Connection, message: amqp.Message) -> bool:
    try:
        with connection.channel() as channel:
            channel.confirm_select()
            channel.basic_publish_confirm(message, exchange=f"{SLUG}.tasks", routing_key=f"{SLUG}.default", timeout=20)
    except Exception as error:
        # The library, or the broker, would not have it: then it reaches no worker.
        print(f"not taken: {type(error).__name__}: {str(error)[:200]}")
        connection.close()
        connection.connect()
        return False
    return True
