"""The ports that the project wants to listen on, and who has them."""

from __future__ import annotations

import errno
import http.client
import ipaddress
import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_cli.doctor.findings import Finding, fine, graver, problem
from forge_cli.doctor.programs import ask
from forge_cli.doctor.surroundings import Project
from forge_cli.errors import ForgeError

SECONDS = 1.0  # for an answer from this machine
POSSIBLE = range(1, 65536)
LISTENS = "0A"  # https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
# [host:]published:container[/protocol], where `published` may be a range
SHORT = re.compile(r"(?:(?P<host>.+):)?(?P<first>\d{1,6})(?:-(?P<last>\d{1,6}))?:[\d-]+(?:/(?P<protocol>\w+))?")


@dataclass(frozen=True)
class Wanted:
    """A port that something in the project listens on.

    Attributes:
        who: What wants it, as the user starts it.
        remedy: How it gets another one.
        in_development: Whether it is `make dev` that wants it.
    """

    number: int
    host: str
    who: str
    remedy: str
    in_development: bool


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port, as far as this user may know it."""

    pid: int
    name: str
    folder: Path | None


def look(project: Project) -> Iterator[Finding]:
    """Look at each port."""
    try:
        wanted = [*_of_make(project), *_of_compose(project)]
    except ForgeError as error:
        remedy = "Fix that file; `git diff compose.yaml` shows what has changed."
        yield graver("ports", str(error), remedy, when=not project.is_in_development)
        wanted = [*_of_make(project)]
    yield from _impossible(wanted)
    users_of: dict[int, list[Wanted]] = {}
    for port in wanted:
        if port.number in POSSIBLE:
            users_of.setdefault(port.number, []).append(port)
    published = None
    for number, users in users_of.items():
        who = " and ".join(port.who for port in users)
        check = f"ports.{number}"
        if not any(is_taken(port.host, number) for port in users):
            yield fine(check, f"Port {number} is free for {who}.")
            continue
        holder = _holder(number)
        if published is None:
            published = _published_by(project)
        if number in published or _is_own(project, number, holder):
            yield fine(check, f"Port {number} is in use by the project itself, which is running.")
            continue
        by = f"`{holder.name}` (process {holder.pid})" if holder else "another program"
        told = f"Port {number}, which {who} {'wants' if len(users) == 1 else 'want'}, is in use by {by}."
        # Outside development it is Compose, or whatever else starts the project, that needs its port.
        matters = any(port.in_development == project.is_in_development for port in users)
        remedy = f"Stop that, or take another port: {' or '.join(port.remedy for port in users)}."
        yield graver(check, told, remedy, when=matters)


def _impossible(wanted: list[Wanted]) -> Iterator[Finding]:
    for port in wanted:
        if port.number not in POSSIBLE:
            text = f"{port.number}, which {port.who} wants, is not a port number."
            yield problem("ports", text, f"Take a number from {POSSIBLE[0]} to {POSSIBLE[-1]}.")


def is_taken(host: str, port: int) -> bool:
    """Whether something listens there already."""
    try:
        return _is_taken(host, port)
    except (OSError, ValueError):
        return False  # it is an address that this machine has not, or none


def _is_taken(host: str, port: int) -> bool:
    if host:
        # Only an address of this machine is one that something here can have; no other is called.
        address = ipaddress.ip_address(host)
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET) as own:
            own.bind((host, 0))
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
        client.settimeout(SECONDS)
        if client.connect_ex((host or "127.0.0.1", port)) == 0:
            return True
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just been closed is free
        try:
            server.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _of_make(project: Project) -> Iterator[Wanted]:
    default = re.search(r"^PORT\s*\?=\s*(\d+)\s*$", project.text("Makefile"), re.MULTILINE)
    if default:
        given = os.environ.get("PORT", "")
        number = int(given) if given.isdecimal() else int(default[1])
        yield Wanted(number, "127.0.0.1", "`make dev`", f"`make dev PORT={number + 1}`", in_development=True)


def _of_compose(project: Project) -> Iterator[Wanted]:
    services = project.compose.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        ports = service.get("ports") if isinstance(service, dict) else None
        for port in ports if isinstance(ports, list) else ():
            for host, number in _parsed(project, port):
                remedy = f"another one at `ports` of `{name}` in `compose.yaml`"
                yield Wanted(number, host, f"`{name}` in Docker", _by_variable(project, number) or remedy, False)


def _parsed(project: Project, port: Any) -> Iterator[tuple[str, int]]:
    if isinstance(port, dict):
        port = {key: value for key, value in port.items() if isinstance(value, str | int)}
        published = project.filled_in(str(port.get("published", "")))
        found = SHORT.fullmatch(f"{published}:0/{port.get('protocol', 'tcp')}")
        host = project.filled_in(str(port.get("host_ip", "")))
    else:
        found = SHORT.fullmatch(project.filled_in(port if isinstance(port, str) else ""))
        host = (found and found["host"]) or ""
    if found and found["protocol"] in {None, "tcp"}:
        for number in range(int(found["first"]), int(found["last"] or found["first"]) + 1):
            yield host.strip("[]"), number


def _by_variable(project: Project, number: int) -> str:
    """How to change a port that compose.yaml takes from a variable."""
    published = re.findall(r"\$\{(\w+):?-(\d+)\}", project.text("compose.yaml"))
    name = next((name for name, default in published if (project.variable(name) or default) == str(number)), "")
    return f"`{name}={number + 1}` in `.env`" if name else ""


def _is_own(project: Project, number: int, holder: Holder | None) -> bool:
    if holder and holder.folder:
        return holder.folder.is_relative_to(project.folder)
    return _title(number) == project.name  # of another user, or of a container


def _title(port: int) -> str | None:
    """What the API on a port calls itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/openapi.json")
        return str(json.loads(connection.getresponse().read(1_000_000))["info"]["title"])
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _published_by(project: Project) -> set[int]:
    """The ports that the project's own containers publish."""
    if not (project.has("compose.yaml") and project.may_run):  # Compose fetches what that file includes
        return set()
    answer = ask(["docker", "compose", "ps", "--format", "{{.Ports}}"], folder=project.folder)
    return {int(number) for number in re.findall(r":(\d+)->", answer.out)} if answer.code == 0 else set()


def _holder(port: int) -> Holder | None:
    """Who listens on a port, as Linux tells it: the socket's number is among the files that a process has open."""
    sockets = set[str]()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        fields = [line.split() for line in lines]
        sockets |= {
            f"socket:[{each[9]}]"
            for each in fields
            if each[3] == LISTENS and int(each[1].rpartition(":")[2], 16) == port
        }
    for folder in Path("/proc").glob("[0-9]*") if sockets else ():
        try:
            if any(str(file.readlink()) in sockets for file in folder.joinpath("fd").iterdir()):
                return Holder(
                    int(folder.name), folder.joinpath("comm").read_text().strip(), folder.joinpath("cwd").readlink()
                )
        except OSError:
            continue  # it has ended, or is another user's
    return None
