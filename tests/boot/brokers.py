"""A private Redis and a private RabbitMQ."""

import base64
import hashlib
import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import redis

from .polling import wait_for
from .servers import STOP_SECONDS, Server, find, free_port


class Redis(Server):
    """One Redis with one password; a variant has database numbers of its own."""

    name: ClassVar[str] = "redis"
    package: ClassVar[str] = "redis-server"
    user: ClassVar[str] = "redis"

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        self.password = next(iter(accounts.values()))
        super().__init__(directory, dict.fromkeys(accounts, self.password), marks)

    @classmethod
    def binary(cls) -> str | None:
        return find("redis-server")

    def prepare(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.directory),
            "databases": "256",
            "requirepass": json.dumps(self.password),
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "no",  # what was answered outlives the process, if not the machine
            "loglevel": "warning",
            "repl-diskless-sync-delay": "0",
        }
        self.write("redis.conf", "".join(f"{key} {value}\n" for key, value in settings.items()))

    def command(self) -> list[str]:
        return [str(self.binary()), str(self.directory / "redis.conf")]

    def answers(self) -> bool:
        password = self.password.encode()
        return self.exchange(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(password), password), size=3) == b"+OK"

    def client(self) -> redis.Redis:
        """Return a client of an operator."""
        return redis.Redis(port=self.port, password=self.password)

    def follow(self, port: int | None) -> None:
        """Make it a replica of one with the same password, at a port, or a primary again; open connections stay."""
        with self.client() as operator:
            operator.config_set("masterauth", self.password)
            operator.replicaof(*(("127.0.0.1", str(port)) if port else ("NO", "ONE")))


class RabbitMQ(Server):
    """One RabbitMQ with an epmd of its own; every account has a virtual host of the same name."""

    name: ClassVar[str] = "rabbitmq"
    package: ClassVar[str] = "rabbitmq-server"
    user: ClassVar[str] = "rabbitmq"

    def __init__(self, directory: Path, accounts: Mapping[str, str], marks: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, accounts, marks)
        self.epmd_port = free_port()
        self.epmd: subprocess.Popen[bytes] | None = None

    @classmethod
    def binary(cls) -> str | None:
        return find("rabbitmq-server")

    def prepare(self) -> None:
        definitions = {
            "users": [
                {
                    "name": name,
                    "password_hash": _password_hash(password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": [],
                }
                for name, password in self.accounts.items()
            ],
            "vhosts": [{"name": name} for name in self.accounts],
            "permissions": [
                {"user": name, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in self.accounts
            ],
        }
        settings = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "load_definitions": str(self.write("definitions.json", json.dumps(definitions))),
            "disk_free_limit.absolute": "1MB",
            "log.console": "true",
            "log.console.level": "warning",
            "log.file": "false",
        }
        self.write("rabbitmq.conf", "".join(f"{key} = {value}\n" for key, value in settings.items()))
        self.write("enabled_plugins", "[].\n")
        self.write("env.conf", "")
        self.epmd = self.spawn(["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"])
        wait_for("epmd answers", self._epmd_answers, within=10)

    def _epmd_answers(self) -> bool:
        return self.epmd is not None and self.epmd.poll() is None and _is_open(self.epmd_port)

    def command(self) -> list[str]:
        return [str(self.binary())]

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"forge{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "env.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.directory / "config"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            # Idle schedulers must not spin: the machine has two cores and eight other processes.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def answers(self) -> bool:
        return self.exchange(b"AMQP\x00\x00\x09\x01") == b"\x01"  # a method frame: Connection.Start

    def stop(self) -> None:
        super().stop()
        if self.epmd is not None:
            self.epmd.terminate()
            self.epmd.wait(STOP_SECONDS)


def _password_hash(password: str) -> str:
    """https://www.rabbitmq.com/docs/passwords#computing-password-hash"""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _is_open(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
