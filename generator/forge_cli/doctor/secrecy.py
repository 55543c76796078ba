"""Secrets that everybody knows, and secrets that others can read. None of them is ever printed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from forge_cli import git
from forge_cli.doctor.findings import Finding, fine, graver, problem, warning
from forge_cli.doctor.probing import Told
from forge_cli.doctor.programs import SECONDS
from forge_cli.doctor.surroundings import Project

PLACEHOLDER = re.compile(r"(?:.*:)?change-?me")
MAKING = "Change it, on the server too: `python3 -c 'import secrets; print(secrets.token_hex(32))'` makes one."


def look(project: Project, told: Told | None) -> Iterator[Finding]:
    """Look at the secrets, and at the file that holds them."""
    found = [*_of_settings(told), *_of_compose(project)]
    yield from found
    if not found and not project.is_in_development and told and told.first("done"):
        yield fine("secrets.known", "No secret is one that everybody knows.")
    yield from _file(project)


def _of_settings(told: Told | None) -> Iterator[Finding]:
    for setting in dict.fromkeys(fact["setting"] for fact in (told.all("known") if told else [])):
        if setting == "API_KEYS":
            text, remedy = "API_KEYS contains the development key.", "Make another with `app token`, and set it."
        else:
            text, remedy = f"{setting} has a password or secret that everybody knows.", MAKING
        yield problem("secrets.known", text, remedy)
    for setting in dict.fromkeys(fact["setting"] for fact in (told.all("open") if told else [])):
        remedy = "Give the server a password, and write it into the address."
        yield warning("secrets.missing", f"{setting} has no password.", remedy)


def _of_compose(project: Project) -> Iterator[Finding]:
    """Look at the variables that compose.yaml takes; what it starts runs in production, wherever that is."""
    names = dict.fromkeys(re.findall(r"\$\{?(\w+)", project.text("compose.yaml")))
    found = [name for name in names if PLACEHOLDER.fullmatch(project.variable(name))]
    if found:
        text = f"Docker Compose would run in production with the placeholder of `.env.example` for {', '.join(found)}."
        remedy = "Set a random one for each, or remove `.env` and let `make .env` make it."
        yield graver("secrets.placeholders", text, remedy, when=not project.is_in_development)


def _file(project: Project) -> Iterator[Finding]:
    file = project.folder / ".env"
    if git.is_installed():
        listed = git.run(project.folder, "ls-files", "--error-unmatch", ".env", timeout=SECONDS)
        ignored = git.run(project.folder, "check-ignore", "--quiet", ".env", timeout=SECONDS)
        if listed.returncode == 0:
            remedy = "Run `git rm --cached .env`, commit, and change every secret that was in it."
            yield problem("secrets.tracked", "`.env` is tracked by git.", remedy)
        elif ignored.returncode == 1 and file.exists():
            yield warning("secrets.tracked", "`.env` is not ignored by git.", "Add it to `.gitignore`.")
    if not file.exists():
        yield fine("secrets.file", "There is no `.env`; the environment alone says what differs from the defaults.")
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & stat.S_IRWXO and os.name == "posix":
        text = f"`.env` can be read by everybody on this machine (mode {mode:o})."
        yield graver("secrets.file", text, "Run `chmod 600 .env`.", when=not project.is_in_development)
    else:
        yield fine("secrets.file", f"`.env` is not open to everybody (mode {mode:o}).")
