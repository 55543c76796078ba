"""Tokens whose keys a server publishes: a real one, in a thread of the tests."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_decode, base64url_encode
from pydantic import ValidationError

from app.core import authentication
from app.core.config.auth import AuthSettings
from app.core.jwks import KeyServer
from tests.conftest import same_api
from tests.credentials import claims


class Provider:
    """An identity provider."""

    def __init__(self) -> None:
        """Make a key and publish it."""
        self.key = generate_private_key(65537, 2048)
        self.published: Any = {"keys": [self.public("first", self.key)]}
        self.fetched = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetched += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(provider.published).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def public(key_id: str, key: RSAPrivateKey) -> dict[str, Any]:
        """Return a key as it is published."""
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "RS256"}

    def close(self) -> None:
        """Be down."""
        self.server.shutdown()
        self.server.server_close()


Ask = Callable[..., int]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Run an identity provider whose tokens the API believes."""
    provider = Provider()
    monkeypatch.setattr(authentication, "key_server", KeyServer(provider.url))
    yield provider
    provider.close()


@pytest.fixture
def ask(client: TestClient, provider: Provider) -> Ask:
    """Return a function that shows a token to the API; 422 means that it was believed."""

    def show(key: Any = None, key_id: str | None = "first", algorithm: str = "RS256", **others: Any) -> int:
        headers = {} if key_id is None else {"kid": key_id}
        token = jwt.encode(claims(**others), key or provider.key, algorithm=algorithm, headers=headers)
        return same_api(client, {"Authorization": f"Bearer {token}"}).post("/notify", json={}).status_code

    return show


def test_a_token_of_the_provider_is_believed_and_its_keys_are_fetched_once(ask: Ask, provider: Provider) -> None:
    assert [ask() for _ in range(3)] == [422] * 3
    assert provider.fetched == 1


def test_a_token_of_anybody_else_is_not(ask: Ask) -> None:
    another = generate_private_key(65537, 2048)

    assert ask(key=another) == 401
    assert ask(key=another, key_id="second") == 401
    assert ask(key_id=None) == 401
    assert ask(exp=int(time.time()) - 60) == 401
    assert ask(aud="somebody-else") == 401


def test_the_public_key_does_not_serve_as_a_shared_secret(client: TestClient, provider: Provider) -> None:
    pem = provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT refuses to sign with what looks like a public key, so this is signed by hand.
    parts = [json.dumps({"alg": "HS256", "kid": "first"}).encode(), json.dumps(claims()).encode()]
    text = b".".join(map(base64url_encode, parts))
    forged = b".".join([text, base64url_encode(hmac.digest(pem, text, "sha256"))]).decode()

    assert same_api(client, {"Authorization": f"Bearer {forged}"}).post("/notify", json={}).status_code == 401


def test_a_shared_secret_among_the_public_keys_is_not_used(ask: Ask, provider: Provider) -> None:
    provider.published["keys"].append({"kty": "oct", "kid": "shared", "k": "c2VjcmV0" * 8, "alg": "HS256"})

    assert ask(key=base64url_decode("c2VjcmV0" * 8), key_id="shared", algorithm="HS256") == 401


def test_another_algorithm_than_the_keys_own_is_refused(ask: Ask) -> None:
    assert ask(algorithm="PS256") == 401


def test_a_key_that_is_new_is_found(ask: Ask, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask() == 422
    assert authentication.key_server is not None
    monkeypatch.setattr(authentication.key_server, "cooldown_duration", 0.0)
    second = generate_private_key(65537, 2048)
    provider.published = {"keys": [provider.public("second", second)]}

    assert ask(key=second, key_id="second") == 422
    assert ask() == 401


def test_strangers_cannot_make_the_api_fetch_keys_without_end(ask: Ask, provider: Provider) -> None:
    assert ask() == 422
    assert [ask(key_id=f"made-up-{number}") for number in range(5)] == [401] * 5
    assert provider.fetched == 1


@pytest.mark.parametrize("published", [None, "down"])
def test_a_provider_that_cannot_be_used_is_no_fault_of_the_caller(
    published: str | None, ask: Ask, provider: Provider, client: TestClient
) -> None:
    if published == "down":
        provider.close()
    provider.published = published
    token = jwt.encode(claims(), provider.key, algorithm="RS256", headers={"kid": "first"})

    started = time.monotonic()
    answers = [same_api(client, {"Authorization": f"Bearer {token}"}).post("/notify", json={}) for _ in range(5)]

    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "5")}
    assert provider.fetched <= 1
    assert time.monotonic() - started < 5


TENANT = "https://login.microsoftonline.com/72f988bf/v2.0"
# Access tokens as the providers' own documentation shows them, with the settings that they need.
PROVIDERS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "Amazon Cognito": (
        {"JWT_AUDIENCE": "1h57kf5cpq17", "JWT_AUDIENCE_CLAIM": "client_id", "JWT_SCOPE_CLAIM": "cognito:groups"},
        {"aud": None, "client_id": "1h57kf5cpq17", "cognito:groups": ["admin"], "scope": "openid"},
    ),
    "Microsoft Entra ID, version 2, for a user": (
        {"JWT_ISSUER": TENANT, "JWT_AUDIENCE": "6e74172b,api://6e74172b", "JWT_SCOPE_CLAIM": "scp,roles"},
        {"iss": TENANT, "aud": "6e74172b", "scp": "read admin"},
    ),
    "Microsoft Entra ID, version 1, for an application": (
        {
            "JWT_ISSUER": f"{TENANT}, https://sts.windows.net/72f988bf/",
            "JWT_AUDIENCE": "6e74172b,api://6e74172b",
            "JWT_SCOPE_CLAIM": "scp, roles",
            "JWT_ADMIN_SCOPE": "Tasks.Admin",
        },
        {"iss": "https://sts.windows.net/72f988bf/", "aud": "api://6e74172b", "roles": ["Tasks.Admin"]},
    ),
    "Okta": ({"JWT_SCOPE_CLAIM": "scp"}, {"scp": ["read", "admin"]}),
    "Auth0": (
        {"JWT_SCOPE_CLAIM": "permissions", "JWT_ORGANIZATION_CLAIM": "https://acme.example/org"},
        {"aud": ["tests", "https://acme.auth0.com/userinfo"], "permissions": ["admin"]}
        | {"scope": "openid", "organization_id": None, "https://acme.example/org": "acme"},
    ),
    "Keycloak": (
        {"JWT_SCOPE_CLAIM": "realm_access.roles", "JWT_ORGANIZATION_CLAIM": "tenant.name"},
        {"aud": ["tests", "account"], "realm_access": {"roles": ["offline_access", "admin"]}}
        | {"organization_id": None, "tenant": {"name": "acme"}},
    ),
}


@pytest.mark.parametrize(("settings", "token"), PROVIDERS.values(), ids=list(PROVIDERS))
def test_an_access_token_of_a_well_known_provider_makes_an_administrator(
    settings: dict[str, str],
    token: dict[str, Any],
    client: TestClient,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(authentication, "settings", AuthSettings())

    def status(**others: Any) -> int:
        signed = jwt.encode(claims(**token | others), provider.key, algorithm="RS256", headers={"kid": "first"})
        return same_api(client, {"Authorization": f"Bearer {signed}"}).get("/dead-letters").status_code

    scope = settings["JWT_SCOPE_CLAIM"].split(",")[0].split(".")[0]
    held = "roles" if "roles" in token else scope
    assert status() == 200
    assert status(**{held: None}) == 403
    assert status(aud="somebody-else", client_id="somebody-else") == 401
    assert status(iss="https://evil.example") == 401


@pytest.mark.parametrize(
    "environment",
    [{"JWT_SCOPE_CLAIM": "scp,,roles"}, {"JWT_ISSUER": ", "}, {"JWT_ADMIN_SCOPE": "a b"}],
    ids=lambda environment: next(iter(environment)),
)
def test_settings_that_name_nothing_are_refused(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=next(iter(environment))):
        AuthSettings()
