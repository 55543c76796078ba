"""The project's settings: where it runs, where its servers are, and which of its secrets everybody knows."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from .facts import runs, secrets, tell

ASKING = {"amqp", "amqps", "mariadb", "mysql", "postgresql", "pyamqp", "redis", "rediss"}  # servers that have passwords
KNOWN = {
    "admin", "app", "change-me", "changeme", "default", "example", "flower", "forge", "guest", "mariadb", "mysql",
    "pass", "passwd", "password", "postgres", "rabbitmq", "redis", "root", "secret", "test", "user",
}  # fmt: skip
PUBLIC = {"JWT_ISSUER", "JWT_AUDIENCE"}

in_development = False
"""Whether embedded servers and secrets that everybody knows may serve."""


def settle() -> None:
    """Find out where this runs, and read the settings."""
    from app.core.config import base
    from pydantic import ValidationError

    global in_development
    try:
        in_development = base.default_to_development() == "development"
    except ValidationError as error:
        raise SystemExit(base.explain(error)) from None
    import app.core.config.settings  # noqa: F401


def concerns() -> Iterator[tuple[Any, str, Any]]:
    """Each setting: the group that it belongs to, its name and its value."""
    from app.core.config.settings import settings

    for concern in vars(settings).values():
        for name, value in concern:
            yield concern, name, value


def addresses() -> dict[str, list[str]]:
    """The settings that name servers."""
    return {name: value.split(";") for _, name, value in concerns() if isinstance(value, str) and "://" in value}


def addresses_can_be_read() -> bool:
    """Look whether a driver can read each address; what it would say of it could show parts of a password."""
    wrong = {name for name, urls in addresses().items() if not all(map(_is_readable, urls))}
    wrong |= {
        name
        for _, name, value in concerns()
        if name.endswith(("_URL", "_BACKEND")) and "@" in str(value) and "://" not in str(value)
    }
    for urls in addresses().values():
        words = (word for url in urls for word in (_password(url), unquote(_password(url))))
        secrets.update(word for word in words if len(word) > 3)
    if wrong:
        tell("unreadable", settings=sorted(wrong))
    return not wrong


def _is_readable(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return not set(_password(url)) & set("@/?# ")


def shown(urls: str) -> str:
    """Addresses without user, password and parameters."""
    parts = [url.partition("://") for url in urls.split(";")]
    return ", ".join(f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" for scheme, _, rest in parts)


def look_at_secrets() -> None:
    """Name the settings whose secrets everybody knows, and the servers that ask for none."""
    for name, urls in addresses().items():
        for url in urls:
            password = unquote(_password(url))
            if password.lower() in KNOWN:
                tell("known", setting=name)
            elif not password and _scheme(url) in ASKING and "password=" not in url:
                tell("open", setting=name)
    for module in ("auth", "flower"):
        if find_spec(f"app.core.config.{module}"):
            runs(module, partial(_look_at_concern, module))


def _look_at_concern(module: str) -> None:
    """Compare what one process alone is told with what serves in development."""
    from app.core.config.base import explain
    from pydantic import ValidationError

    found: Any = import_module(f"app.core.config.{module}")
    kind = getattr(found, f"{module.capitalize()}Settings")
    try:
        settings = kind()
    except ValidationError as error:
        raise SystemExit(explain(error)) from None
    for name, value in settings:
        embedded = kind.embedded.get(name)
        digests = {getattr(key, "digest", "") for key in value.values()} if isinstance(value, dict) else set()
        of_development = embedded and (value == embedded or digests & set(embedded.split(":")))
        weak = isinstance(value, str) and value.rpartition(":")[2].lower() in KNOWN
        if name not in PUBLIC and (of_development or weak):
            tell("known", setting=name)


def _scheme(url: str) -> str:
    """What kind of server an address names, without the library that reaches it."""
    scheme = url.partition("://")[0].removeprefix("db+").removeprefix("async+")
    return "" if "+socket" in scheme else scheme.partition("+")[0]


def _password(url: str) -> str:
    """The password in an address, as it is written there."""
    address, _, parameters = url.partition("://")[2].partition("?")
    if "@" not in address:  # it may be the password that holds a question mark
        address += f"?{parameters}"
    return address.rpartition("@")[0].partition(":")[2]
