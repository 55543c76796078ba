"""What the project has told about its code and its work, as findings."""

from __future__ import annotations

from collections.abc import Iterator

from forge_cli.doctor.findings import Finding, fine, graver, problem, warning
from forge_cli.doctor.probing import SECONDS, Fact, Told
from forge_cli.doctor.surroundings import Project

PARTS = {
    "settings": "The settings",
    "celery": "The Celery application",
    "tasks": "The tasks",
    "api": "The API",
    "auth": "The API",
    "flower": "Flower",
    "presence": "The record of which queues are consumed",
    "stored": "The stored schedules",
}
# What to do when a part is there and cannot be read.
UNREAD = {
    "presence": "Ask the workers themselves: `celery -A app.core.celery inspect active_queues`.",
    "stored": "Run `make migrate`, if the database lacks the table.",
}
SETTING = "Set it in the environment or in `.env` (see `.env.example`)."


def look(project: Project, told: Told | None) -> Iterator[Finding]:
    """Say whether the project can be imported, and what of its work would not be done."""
    if project.committed:
        told_of = f"`{project.committed}` is committed, and what comes with a repository is not run as its interpreter."
        remedy = "Run `git rm -r --cached` on its directory, ignore and remove it, then `make install`."
        yield problem("project.committed", told_of, remedy)
        return
    if not project.may_run:
        yield problem(
            "project.trusted",
            "The project's own code was not run, because you have not said that you trust it.",
            "Run `forge trust` if you do: then it runs here with your rights, and the rest is looked at.",
        )
        return
    if told is None:
        yield problem(
            "project.installed", "The project is not installed: it has no environment.", "Run `make install`."
        )
        return
    broken = [*_broken(told), *_ended(told)]
    yield from broken
    if not broken and told.first("tasks"):
        yield fine("project.imports", "The settings, the tasks and the API can be imported.")
    yield from _tasks(told)
    yield from _schedule(told)
    yield from _workers(project, told)


def _broken(told: Told) -> Iterator[Finding]:
    seen = set[str]()
    for fact in told.facts:
        part, text = str(fact.get("part")), str(fact["text"])
        if fact["fact"] == "refused" and text not in seen:
            seen.add(text)  # what the API misses is said twice: when it is imported, and when its secrets are looked at
            reason, _, _ = text.removeprefix("error: ").partition(". Set it in ")
            # A machine need not run the dashboard.
            sentence = f"{PARTS[part]} cannot be used: {reason.rstrip('.')}."
            yield graver(f"project.{part}", sentence, SETTING, when=part != "flower")
        elif fact["fact"] == "broken" and part not in UNREAD:
            yield _not_imported(part, fact)
        elif fact["fact"] == "broken" and not (part == "stored" and told.all("migrations")):
            yield warning(f"project.{part}", f"{PARTS[part]} cannot be read: {fact['text']}.", UNREAD[part])


def _not_imported(part: str, fact: Fact) -> Finding:
    place = f" ({fact['place']})" if fact["place"] else ""
    missing = fact["missing"]
    if missing and not missing.startswith("app"):
        remedy = f"Run `make install`; if `{missing}` is new, `uv add` the package that has it."
    else:
        remedy = "Fix what the error names; `make test` shows the whole of it."
    return problem(f"project.{part}", f"{PARTS[part]} cannot be imported: {fact['text']}{place}.", remedy)


def _ended(told: Told) -> Iterator[Finding]:
    """Say that the project has ended the process, or did not come to an end."""
    done, begun = told.first("done"), told.all("begun")
    part = PARTS[begun[-1]["part"]] if begun else "The project"
    if done and done["text"]:
        text = f"{part} cannot be looked at: {done['text']}."
        yield problem("project.imports", text, "Fix what the error names; `make test` shows the whole of it.")
    elif done:
        return
    elif told.answer.code is None:
        text = f"{part} took longer than {SECONDS:.0f} seconds, and nobody waited any longer."
        yield problem(
            "project.imports", text, "Look what a module does while it is imported; it must wait for nothing."
        )
    else:
        # What it has printed last may hold a secret, unless it is Python that could not begin.
        words = "" if begun else f": {told.answer.last_line}"
        text = f"{part} ended the process with {told.answer.code}{words}."
        yield problem("project.imports", text, "Run `make install`, and look what a module does while it is imported.")


def _tasks(told: Told) -> Iterator[Finding]:
    for fact in told.all("misrouted"):
        text = f"The task `{fact['task']}` goes to the queue `{fact['queue']}`, which does not exist."
        yield problem("queues.routes", text, "Add the queue to `app/core/queues.py`, or name one that is there.")


def _schedule(told: Told) -> Iterator[Finding]:
    entries, stored = told.first("entries"), told.first("stored")
    if entries and not entries["problems"] and entries["count"]:
        count = f"{entries['count']} entr{'y' if entries['count'] == 1 else 'ies'}"
        yield fine("schedule.entries", f"The schedule has {count}; each names a task and what it takes.")
    for name, reason in (entries["problems"] if entries else {}).items():
        text = f"The entry `{name}` of the schedule cannot run: {reason}."
        yield problem("schedule.entries", text, "Correct it in `app/core/schedule.py`, or add the task.")
    for name, reason in (stored["problems"] if stored else {}).items():
        text = f"The stored schedule `{name}` cannot run: {reason}."
        yield problem("schedule.stored", text, f"Correct it with `app schedules edit {name}`, or add the task.")


def _workers(project: Project, told: Told) -> Iterator[Finding]:
    workers, tasks = told.first("workers"), told.first("tasks")
    if workers is None:
        return
    queues, unconsumed = workers["queues"], workers["unconsumed"]
    if not unconsumed:
        yield fine("queues.workers", f"Workers consume every queue: {', '.join(queues)}.")
    elif unconsumed == queues:
        if project.is_in_development:
            yield fine("queues.workers", "No worker runs; `make dev` starts one.")
        else:
            remedy = "Start one: `celery -A app.core.celery worker`."
            yield warning("queues.workers", "No worker has been seen in the last seconds, so no task is done.", remedy)
    else:
        for queue in unconsumed:
            names = (tasks or {"queues": {}})["queues"].get(queue, [])
            lost = f"; {_some(names)} would wait there" if names else ""
            text = f"Workers run, but none consumes the queue `{queue}`{lost}."
            remedy = f"Start a worker for it (`--queues {queue}`), or take it out of `app/core/queues.py`."
            yield graver("queues.workers", text, remedy, when=bool(names) or not project.is_in_development)


def _some(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown} and {len(names) - 3} more tasks" if len(names) > 3 else shown
