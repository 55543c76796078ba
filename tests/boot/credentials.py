"""What a variant's API is told about its callers, and what lets one of them in."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

ORGANIZATION = "boot"


@dataclass(frozen=True)
class Credential:
    """The credential of one variant.

    Attributes:
        environment: What the API is told.
        headers: What a caller sends.
        wrong: What a stranger may try instead.
        elsewhere: What a caller of another organization sends; nothing where everybody is the same caller.
        admin: What an administrator sends; nothing where nobody is one.
        secrets: What must not be seen anywhere.
    """

    environment: dict[str, str]
    headers: dict[str, str]
    wrong: dict[str, str]
    secrets: set[str]
    elsewhere: dict[str, str] | None = None
    admin: dict[str, str] | None = None
    organization: str = ORGANIZATION


def api_key() -> Credential:
    """Make an API key, as `app token` does."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return Credential(
        environment={
            "API_KEYS": f"first:{ORGANIZATION}:{digest},second:elsewhere:{digest},third:{ORGANIZATION}:{digest}:admin"
        },
        headers={"X-API-Key": f"first.{secret}"},
        wrong={"X-API-Key": f"first.{digest}"},
        secrets={secret, digest},
        elsewhere={"X-API-Key": f"second.{secret}"},
        admin={"X-API-Key": f"third.{secret}"},
    )


def token() -> Credential:
    """Make a JSON Web Token by hand, for whatever library the project uses."""
    secret = secrets.token_hex(32)
    claims = {"iss": "boot", "aud": "api", "sub": "tests", "organization_id": ORGANIZATION, "exp": time.time() + 3600}
    signed, other = (_signed(claims | {"organization_id": name}, secret) for name in (ORGANIZATION, "elsewhere"))
    admin = _signed(claims | {"scope": "admin"}, secret)
    unsigned = f"{_part({'alg': 'none'})}.{_part(claims)}."
    return Credential(
        environment={"JWT_SECRET": secret, "JWT_ISSUER": "boot", "JWT_AUDIENCE": "api"},
        headers={"Authorization": f"Bearer {signed}"},
        wrong={"Authorization": f"Bearer {unsigned}"},
        secrets={secret, signed, signed.rsplit(".", 1)[1], other.rsplit(".", 1)[1], admin.rsplit(".", 1)[1]},
        elsewhere={"Authorization": f"Bearer {other}"},
        admin={"Authorization": f"Bearer {admin}"},
    )


def nothing() -> Credential:
    """Ask for nothing."""
    return Credential(environment={}, headers={}, wrong={}, secrets=set(), organization="default")


KINDS: dict[str, Callable[[], Credential]] = {"api_key": api_key, "jwt": token, "none": nothing}


def _signed(claims: dict[str, object], secret: str) -> str:
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{text}.{_base64(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
