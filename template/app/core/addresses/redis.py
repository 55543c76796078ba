"""Addresses of a Redis."""

from dataclasses import replace
from urllib.parse import unquote

from app.core.addresses import Address, cleaned, expect_known, is_true, parsed, scheme_of, tls

EXAMPLE = "redis://user:password@host:6379/0, or rediss:// with TLS"
PLAIN = {"redis", "valkey"}
ENCRYPTED = {"rediss", "redis+tls", "redis+ssl", "redis+rediss", "valkeys"}
SOCKETS = {"unix", "socket", "redis+socket", "redis+unix"}
# What other clients are told and none here needs to be.
FOR_OTHERS = {"family", "ssl", "tls", "protocol", "decode_responses"}


def for_celery(text: str) -> str:
    """Read an address for Celery's queues or results.

    Raises:
        ValueError: It cannot be used; the message says why, and shows nothing of it.
    """
    address = _read(text, set())
    if address.scheme != "unix":
        return address.text()
    query = {"virtual_host": address.query.pop("db"), **address.query}
    return replace(address, scheme="redis+socket", query=query).text()


def for_client(text: str) -> str:
    """Read an address for the client of Redis itself, which takes its own parameters there; errors as `for_celery`."""
    from redis.connection import URL_QUERY_ARGUMENT_PARSERS

    return _read(text, {*URL_QUERY_ARGUMENT_PARSERS, "client_name"}).text()


def for_limits(text: str) -> str:
    """Read an address for the rate limits; errors as `for_celery`."""
    if scheme_of(cleaned(text)) in {"redis+cluster", "redis+sentinel"}:
        return cleaned(text)
    read = for_client(text)
    return f"redis+{read}" if read.startswith("unix:") else read


def knows(text: str) -> bool:
    """Tell whether it is this kind of server that an address names, however it is spelled."""
    return scheme_of(cleaned(text)).startswith(("redis", "rediss", "valkey", "unix"))


def _read(text: str, known: set[str]) -> Address:
    scheme = scheme_of(cleaned(text))
    if "sentinel" in scheme or "cluster" in scheme:
        message = (
            "neither Redis Sentinel nor Redis Cluster is supported; name one server as redis://host:6379/0, "
            "or a proxy that leads to the primary"
        )
        raise ValueError(message)
    if scheme not in PLAIN | ENCRYPTED | SOCKETS:
        message = f"it must be the address of a Redis, such as {EXAMPLE}"
        raise ValueError(message)
    if ";" in text:
        message = "it names several servers, and this project connects to one: name that"
        raise ValueError(message)
    address = parsed(text)
    query = dict(address.query)
    switched_on = any(is_true(query[name]) for name in ("ssl", "tls") if name in query)
    words = tls.taken(query)
    number = [value for name in ("db", "virtual_host") if (value := query.pop(name, ""))]
    query = {name: value for name, value in query.items() if name not in FOR_OTHERS}
    expect_known(query, known)
    if scheme in SOCKETS:
        return replace(address, scheme="unix", host="", query={"db": _number(number), **query})
    if scheme in PLAIN and words and not switched_on:
        message = "its parameters about TLS need rediss:// in place of redis://"
        raise ValueError(message)
    encrypted = scheme in ENCRYPTED or switched_on
    words = tls.checked(words) if encrypted else {}
    path = f"/{_number(number or [unquote(address.path).strip('/')])}"
    return replace(address, scheme="rediss" if encrypted else "redis", path=path, query={**words, **query})


def _number(given: list[str]) -> str:
    number = given[0] if given and given[0] else "0"
    if not number.isdecimal():
        message = "what stands behind the last slash must be a number, such as /0"
        raise ValueError(message)
    return number
