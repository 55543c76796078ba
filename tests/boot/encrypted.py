"""The private servers with TLS and nothing else, and an authority for their certificates that no machine knows."""

import socket
import ssl
import subprocess
from pathlib import Path

from .brokers import RabbitMQ, Redis
from .databases import MariaDB, PostgreSQL
from .servers import Server


class Authority:
    """Its own certificate, and one for this machine that it has signed; `other` is the one of a stranger."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate = self._authority("authority")
        self.other = self._authority("stranger")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
                      "-subj", "/CN=localhost")  # fmt: skip
        (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
                      "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")  # fmt: skip

    def text(self, name: str) -> str:
        """Return one of the files."""
        return (self.directory / name).read_text()

    def _authority(self, name: str) -> Path:
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                      "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip
        return self.directory / f"{name}.pem"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


class Encrypted(Server):
    """A server with a certificate."""

    authority: Authority

    def prepare(self) -> None:
        """Write the certificate beside the configuration."""
        super().prepare()  # type: ignore[safe-super]
        for name in ("server.pem", "server.key", "authority.pem"):
            self.write(name, self.authority.text(name))

    def path(self, name: str) -> str:
        """Return the path of one of the files."""
        return str(self.directory / name)

    def shakes_hands(self) -> bool:
        """Tell whether it speaks TLS."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True


class EncryptedRedis(Encrypted, Redis):
    """Redis on its port for TLS."""

    def command(self) -> list[str]:
        """Move the port."""
        return [*super().command(), "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                "--tls-cert-file", self.path("server.pem"), "--tls-key-file", self.path("server.key"),
                "--tls-ca-cert-file", self.path("authority.pem")]  # fmt: skip

    def answers(self) -> bool:
        """Connect."""
        return self.shakes_hands()


class EncryptedRabbitMQ(Encrypted, RabbitMQ):
    """RabbitMQ with a listener for TLS alone."""

    def prepare(self) -> None:
        """Replace the listener."""
        super().prepare()
        plain = f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
        listener = "".join(
            f"{name} = {value}\n"
            for name, value in {
                "listeners.tcp": "none",
                "listeners.ssl.1": f"127.0.0.1:{self.port}",
                "ssl_options.cacertfile": self.path("authority.pem"),
                "ssl_options.certfile": self.path("server.pem"),
                "ssl_options.keyfile": self.path("server.key"),
                "ssl_options.verify": "verify_none",
                "ssl_options.fail_if_no_peer_cert": "false",
            }.items()
        )
        self.write("rabbitmq.conf", (self.directory / "rabbitmq.conf").read_text().replace(plain, listener))

    def answers(self) -> bool:
        """Connect."""
        return self.shakes_hands()


class EncryptedPostgreSQL(Encrypted, PostgreSQL):
    """PostgreSQL that offers TLS."""

    def command(self) -> list[str]:
        """Switch it on."""
        files = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}
        return [*super().command(), "-cssl=on", *(f"-c{name}={self.path(file)}" for name, file in files.items())]


class EncryptedMariaDB(Encrypted, MariaDB):
    """MariaDB that demands TLS."""

    def command(self) -> list[str]:
        """Switch it on."""
        files = {"ssl-cert": "server.pem", "ssl-key": "server.key", "ssl-ca": "authority.pem"}
        options = [f"--{name}={self.path(file)}" for name, file in files.items()]
        return [*super().command(), "--ssl", "--require-secure-transport=ON", *options]
