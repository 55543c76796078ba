"""Who may call the API from a browser."""

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from app.core.config.base import Concern

EVERYBODY = "*"
# As browsers send it: https://www.rfc-editor.org/rfc/rfc6454#section-6.2
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
USUAL_PORTS = {"http": 80, "https": 443}


def _origins(value: Any) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(origin for each in _listed(value) if (origin := each.strip())))
    if EVERYBODY in origins and len(origins) > 1:
        message = "`*` stands for every origin, so it stands alone"
        raise ValueError(message)
    return tuple(origin if origin == EVERYBODY else _origin(origin) for origin in origins)


def _listed(value: Any) -> list[str]:
    if not isinstance(value, str):
        return list(value)
    if not value.lstrip().startswith("["):
        return value.split(",")
    try:
        listed = json.loads(value)
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        message = 'a list in JSON must be one of texts, such as ["https://app.example.com"]'
        raise ValueError(message)
    return listed


def _origin(text: str) -> str:
    origin = text.lower()
    if not ORIGIN.fullmatch(origin):
        message = (
            f"{text!r} is not an origin: it is a scheme, a host and perhaps a port, with nothing behind them, such as "
            "https://app.example.com or http://localhost:3000"
        )
        raise ValueError(message)
    # A browser never names the usual port.
    scheme, port = urlsplit(origin).scheme, origin.rpartition(":")[2]
    return origin.removesuffix(f":{port}") if port == str(USUAL_PORTS.get(scheme)) else origin


class HttpSettings(Concern):
    """How the API is reached.

    Attributes:
        CORS_ORIGINS: The origins whose pages may call the API from a browser, separated by commas or as a list in JSON;
            `*` for every one. By default there is none.
    """

    CORS_ORIGINS: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
