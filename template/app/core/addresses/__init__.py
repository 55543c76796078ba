"""Addresses of servers: what hosting services hand out, read into the one spelling that the drivers know."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

WRITTEN = "scheme://user:password@host:port/name"
SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@,\[\]]*)(?::(?P<port>\d{0,5}))?")
PLACEHOLDER = re.compile(r"\$\{|\$\(|\{\{|\[[A-Z_-]*PASSWORD\]|<[a-z_-]*password>", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """The parts of an address; all but the path are unquoted."""

    scheme: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int | None = None
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the address with everything quoted that must be."""
        account = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        host = self.host if self.host.startswith("[") else quote(self.host, safe="")
        port = f":{self.port}" if self.port else ""
        query = f"?{urlencode(self.query, quote_via=quote, safe='/')}" if self.query else ""
        return f"{self.scheme}://{account}{'@' if account else ''}{host}{port}{self.path}{query}"


def cleaned(text: str) -> str:
    """Return an address without what came along when it was copied: spaces, a line's end, quotation marks.

    Raises:
        ValueError: It is still a template, or goes over several lines.
    """
    text = text.strip().strip("\"'`").strip()
    if not text.isprintable():
        message = "it holds a line break or another control character"
        raise ValueError(message)
    if PLACEHOLDER.search(text):
        message = "it still has a placeholder where a value belongs"
        raise ValueError(message)
    return text


def scheme_of(text: str) -> str:
    """Return what an address begins with, in lower case; nothing when there is no such thing."""
    found = re.match(r"([A-Za-z][\w.+:-]*?)://", text)
    return found[1].lower() if found else ""


def parsed(text: str) -> Address:
    """Read an address, in which the password may hold characters that should have been quoted.

    Raises:
        ValueError: It cannot be read, or names several servers. The message shows nothing of it.
    """
    text = cleaned(text)
    scheme = scheme_of(text)
    rest = text[len(scheme) + 3 :]
    authority, tail = _split(rest)
    server = SERVER.fullmatch(authority.rpartition("@")[2])
    if "@" in rest and (server is None or _goes_on(tail)):
        # Up to the last @ that is no parameter's, it is the account, whatever stands there.
        found = re.search(r"@[^@?#]*\?[\w.-]+=", rest)
        end = found.start() if found else rest.rindex("@")
        account, (place, tail) = rest[:end], _split(rest[end + 1 :])
        authority = f"{account}@{place}"
        server = SERVER.fullmatch(place)
    account, _, place = authority.rpartition("@")
    if server is None or int(server["port"] or 0) > 65535:
        several = "it names several servers, and this project connects to one: name that"
        message = several if "," in place else f"its host or port cannot be read; it is written as {WRITTEN}"
        raise ValueError(message)
    user, _, password = account.partition(":")
    path, _, query = tail.partition("#")[0].partition("?")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    host = server["host"] if server["host"].startswith("[") else unquote(server["host"])
    return Address(scheme, unquote(user), unquote(password), host, int(server["port"] or 0) or None, path, pairs)


def expect_known(query: dict[str, str], known: set[str]) -> None:
    """Refuse parameters that nobody would obey.

    Raises:
        ValueError: There is one; the message names it.
    """
    if strange := sorted(query.keys() - known):
        message = f"it has a parameter that means nothing here: remove `{strange[0][:40]}`"
        raise ValueError(message)


def is_true(value: str) -> bool:
    """Tell whether a parameter switches something on."""
    return value.strip().lower() not in {"", "0", "false", "no", "off", "none", "disable", "disabled"}


def _split(rest: str) -> tuple[str, str]:
    """Return the servers, with the account, and what comes behind them."""
    place = re.search(r"[/?#]", rest)
    return (rest[: place.start()], rest[place.start() :]) if place else (rest, "")


def _goes_on(tail: str) -> bool:
    """Tell whether what seems to come behind the servers is the rest of a password."""
    path, _, query = tail.partition("?")
    return "@" in path or ("@" in query and not re.match(r"[\w.-]+=", query))
