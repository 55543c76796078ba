"""What the project's servers have answered, and the programs that must fit them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from forge_cli.doctor.findings import Finding, fine, graver, problem, warning
from forge_cli.doctor.probing import Fact, Told
from forge_cli.doctor.programs import ask
from forge_cli.doctor.surroundings import Project

NAMES = {"broker": "broker", "results": "result backend", "database": "database", "schedules": "store of schedules"}
SILENT = (
    r"timed out|timeout",
    "does not answer",
    "Look whether it is overloaded or stopped, or correct {setting}.",
)
# By what a driver says, in the order in which they are tried: what has happened, and what to do.
TROUBLES = (
    (
        r"same slot|MovedError",
        "is a cluster, on which Celery cannot work",
        "Let {setting} name a Redis that is not in cluster mode.",
    ),
    (
        r"NoPermissionError|no permissions",
        "does not let the project do what Celery does",
        "Give its user every key and channel (`~* &*`), or let {setting} name another one.",
    ),
    (
        r"read only replica",
        "is a replica, which can only be read",
        "Let {setting} name the primary.",
    ),
    (
        r"authentication|wrongpass|noauth|invalid username|access.?refused|access denied|role \"|password",
        "refuses to let the project in",
        "Correct the user and the password in {setting}, or what they may do there.",
    ),
    (
        r"does not exist|unknown database|vhost|db index is out of range",
        "answers, but has nothing of that name",
        "Create it, or correct {setting}.",
    ),
    SILENT,
    (
        r"not known|nodename|name resolution|resolve host|translate host",
        "cannot be found: nothing knows the name of its host",
        "Correct {setting}.",
    ),
    (
        r"refused|can't connect|no such file|unreachable|errno 11[0-9]",
        "cannot be reached",
        "Start it, or correct {setting}.",
    ),
)  # fmt: skip
# The program that reads a server's database, by the server's name for itself.
CLIENTS = {"postgresql": ("pg_dump", "psql"), "mysql": ("mysqldump", "mysql"), "mariadb": ("mariadb-dump", "mariadb")}


def look(project: Project, told: Told) -> Iterator[Finding]:
    """Say which servers let the project in."""
    for fact in told.all("unreadable"):
        for setting in fact["settings"]:
            remedy = (
                "Write it as `scheme://user:password@host:port/name`, and a password's special characters in "
                "%-encoding, such as `%2F` for `/` and `%40` for `@`."
            )
            yield problem("servers.address", f"{setting} is not an address that can be read.", remedy)
    last = {fact["part"]: fact for fact in told.all("server")}
    embedded = [NAMES[part] for part, fact in last.items() if fact["state"] == "embedded"]
    if embedded:
        text = f"The {_listed(embedded)} {'is' if len(embedded) == 1 else 'are'} embedded, in `.dev`"
        yield fine("servers.embedded", f"{text}: `make dev` needs no server for that.")
    for part, fact in last.items():
        if fact["state"] != "embedded":
            yield _answered(part, fact)
    for fact in told.all("eviction"):
        if fact["policy"] != "noeviction":
            who = f"The {NAMES[fact['part']]} at `{last[fact['part']]['address']}`"
            text = f"{who} removes what it holds when its memory is full (`maxmemory-policy {fact['policy']}`)."
            yield warning("servers.eviction", text, "Let it be `noeviction`, or use a Redis of its own.")
    migrations = told.first("migrations")
    if migrations and migrations["missing"]:
        text = f"The database has not been migrated to {', '.join(migrations['missing'])}."
        yield problem("servers.migrations", text, "Run `make migrate`.")
    elif migrations:
        yield fine("servers.migrations", "Every migration has been applied to the database.")
    if project.has("app/backups") and "database" in last:
        yield from _dump_clients(project, last["database"])


def _answered(part: str, fact: Fact) -> Finding:
    check, who, setting = f"servers.{part}", f"The {NAMES[part]} at `{fact['address']}`", fact["setting"]
    if fact["state"] == "answers":
        return fine(check, f"{who} lets the project in.")
    if fact["state"] == "asked":
        _, what, remedy = SILENT
        return problem(check, f"{who} {what}.", remedy.format(setting=setting))
    said = fact["text"]
    for words, what, remedy in TROUBLES:
        if re.search(words, said, re.IGNORECASE):
            detail = "" if "reached" in what or "answer" in what.split()[-1] else f" ({_first(said)})"
            return problem(check, f"{who} {what}{detail}.", remedy.format(setting=setting))
    return problem(
        check, f"{who} cannot be used: {_first(said)}.", f"Correct {setting}, or fix what the message names."
    )


def _dump_clients(project: Project, database: Fact) -> Iterator[Finding]:
    """Compare the programs that make backups with the server; an older one cannot read all of it, or nothing."""
    check = "tools.dump"
    kind, _, server = str(database.get("version") or "").partition(" ")
    if not server or kind == "sqlite":
        return
    if kind in {"mysql", "mariadb"}:
        kind = "mariadb" if "mariadb" in server.lower() else "mysql"
    parts = 1 if kind == "postgresql" else 2
    wanted = _series(server, parts)
    version = ".".join(map(str, wanted))
    remedy = f"Install the client programs of version {version}; the image of the project has them."
    matters = not project.is_in_development
    # MySQL's and MariaDB's programs can each read the other's server, if not everything of it.
    found = [shutil.which(name) for name in CLIENTS.get(kind, ())]
    if not all(found):
        missing = next(name for name, path in zip(CLIENTS[kind], found, strict=True) if not path)
        yield graver(check, f"`{missing}` is not installed, so no backup can be made here.", remedy, when=matters)
        return
    answer = ask([str(found[0]), "--version"])
    tool = _series(answer.out, parts)
    if tool < wanted:
        told = f"`{CLIENTS[kind][0]}` is {'.'.join(map(str, tool)) or 'of no known version'}, older than the server"
        yield graver(check, f"{told}, which is {version}: no backup can be made here.", remedy, when=matters)
    else:
        yield fine(check, f"`{CLIENTS[kind][0]}` {'.'.join(map(str, tool))} fits the server, which is {version}.")


def _series(text: str, parts: int) -> tuple[int, ...]:
    # As in `pg_dump (PostgreSQL) 15.3` and `mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB`.
    found = re.search(r"(\d+)\.(\d+)\.\d+", text) or re.search(r"(\d+)(?:\.(\d+))?", text)
    return tuple(int(number) for number in found.groups()[:parts] if number) if found else ()


def _first(said: str) -> str:
    """What a driver says first, without the name of its error."""
    return re.sub(r"^\w+: ", "", said.partition("; ")[0]).rstrip(".")


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
