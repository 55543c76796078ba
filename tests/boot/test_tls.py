"""Certificates of every server are checked, with the same words in every address, unless an address says otherwise."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from forge_cli.questions import Answers

from .booted import Booted
from .encrypted import Authority, Encrypted, EncryptedMariaDB, EncryptedPostgreSQL, EncryptedRabbitMQ, EncryptedRedis
from .run import Endpoint, Run
from .servers import password
from .supervisor import RUN_VARIABLE
from .test_boot import require
from .variants import Variant

pytestmark = pytest.mark.boot

OTHERS: Answers = {"project_name": "Demo Project", "auth": "none", "flower": False, "docker": False, "backup": True}
KINDS: dict[str, type[Encrypted]] = {
    "redis": EncryptedRedis,
    "rabbitmq": EncryptedRabbitMQ,
    "postgresql": EncryptedPostgreSQL,
    "mysql": EncryptedMariaDB,
}
VARIANTS = [
    Variant(43, {**OTHERS, "broker": "redis", "database": "postgresql", "result_backend": "redis", "beat": "redis"}),
    Variant(
        44, {**OTHERS, "broker": "rabbitmq", "database": "mysql", "result_backend": "database", "beat": "database"}
    ),
]
# Celery's, the project's own and the backups' connections, each with what it answers or says.
PROGRAM = """
import asyncio, json, os
from sqlalchemy import text
from app.core import results
from app.core.celery import celery_app
from app.core.database import async_engine, engine
from app.core.limits import rate

celery_app.conf.update(results.FAIL_FAST)

async def asynchronous():
    async with async_engine().connect() as connection:
        await connection.execute(text("SELECT 1"))

def stored():
    from app.schedules.store import store
    store.read()

def found():
    try:
        celery_app.backend.get_state("nothing")
    except Exception as error:
        if "celery_taskmeta" not in str(error):  # connected, and there is no table yet
            raise

told = {}
for name, ask in {
    "broker": lambda: celery_app.connection_for_write().ensure_connection(max_retries=1, timeout=3),
    "results": found,
    "database": lambda: engine().connect().close(),
    "asynchronous": lambda: asyncio.run(asynchronous()),
    "limits": lambda: rate._hit("somebody"),
    **({"schedules": stored} if "SCHEDULE_STORE_URL" in os.environ else {}),
}.items():
    try:
        ask()
        told[name] = "connected"
    except Exception as error:
        told[name] = str(error)
print(json.dumps(told), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_certificates_are_checked_unless_an_address_says_otherwise(variant: Variant, boot_run: Run) -> None:
    for name in variant.servers:
        require(name)
    boot_run.watch()
    place = boot_run.directory / "tls" / variant.name
    place.mkdir(parents=True)
    for folder in (place, place.parent):
        folder.chmod(0o711)
    authority = Authority(place)
    marks = {RUN_VARIABLE: str(boot_run.directory)}
    servers = {name: KINDS[name](place, {variant.account: password()}, marks) for name in variant.servers}
    for server in servers.values():
        server.authority = authority
    endpoints = {name: Endpoint(server.port, server.accounts) for name, server in servers.items()}
    try:
        with Booted(variant, boot_run, endpoints, place / "variant") as booted, ThreadPoolExecutor() as pool:
            starts = [pool.submit(server.start) for server in servers.values()]
            booted.install()
            for start in starts:
                start.result()
            known = told(booted, f"ssl_ca_certs={authority.certificate}")
            assert set(known.values()) == {"connected"}, known
            for parameters in ("ssl_cert_reqs=required", f"ssl_ca_certs={authority.other}"):
                unknown = told(booted, parameters)
                for name, words in unknown.items():
                    if name == "limits" and "redis" not in servers:
                        continue  # counted in the process itself
                    assert words != "connected", name
                    if name != "asynchronous" or "mysql" not in servers:  # aiomysql keeps the reason to itself
                        assert "certificate verify failed" in words.lower(), (name, words)
            trusting = told(booted, "ssl_cert_reqs=CERT_NONE")
            assert set(trusting.values()) == {"connected"}, trusting

            right = addresses(booted, f"ssl_ca_certs={authority.certificate}")
            booted.command("alembic", "upgrade", "heads", **right)
            booted.command("python", "-m", "app", "backup", **right)
    finally:
        for server in servers.values():
            server.stop()


def addresses(booted: Booted, parameters: str) -> dict[str, str]:
    """Return where the servers are, by TLS."""
    found = {name: text for name, text in booted.addresses().items() if "://" in text}
    if "redis" in booted.endpoints:
        found["RATE_LIMIT_STORAGE_URL"] = found["CELERY_BROKER_URL"]
    plain = {"redis://": "rediss://", "amqp://": "amqps://"}
    for name, text in found.items():
        for scheme, encrypted in plain.items():
            text = text.replace(scheme, encrypted)
        found[name] = f"{text}?{parameters}"
    return found


def told(booted: Booted, parameters: str) -> dict[str, str]:
    """Let each connection be made; return what came of it."""
    answer = booted.command("python", "-c", PROGRAM, **addresses(booted, parameters))
    found: dict[str, str] = json.loads(answer.splitlines()[-1])
    return found
