"""What a change of answers means outside git, where no update can reach."""

from __future__ import annotations

from forge_cli.questions import Answers

MEANINGS = {
    "project_name": "Queues, exchanges and Compose volumes are named after the project: what is in the old ones is not "
    "moved. Empty the queues first, and back up the volumes.",
    "python_version": "The image has another Python: build it again.",
    "broker": "Messages that wait in the old broker ({before}) stay there, dead letters too. Stop the API and beat, let"
    " the workers finish, replay or purge `app dead-letters`, then switch. CELERY_BROKER_URL is another one "
    "wherever the project runs.",
    "database": "The data stays in the old database ({before}). Make the tables of the new one with `alembic upgrade "
    "heads`, and bring over what you need. A backup restores only the kind of database that it was made of. "
    "DATABASE_URL is another one wherever the project runs.",
    "result_backend": "Results in the old backend ({before}) are no longer found. CELERY_RESULT_BACKEND is another "
    "one wherever the project runs.",
    "beat": "Schedules that operators have made stay in the old store ({before}). Stop every old beat before the first "
    "new one starts.",
    "backup": "Backups that were made stay where they are.",
    "auth": "Callers have to prove in another way who they are: give out keys or tokens before you deploy.",
    "flower": "A Flower that runs goes on until it is stopped.",
    "ci": "Schedules and variables of the old pipeline stay where they were set.",
    "docker": "Containers that run go on, and volumes stay: `docker compose down` before compose.yaml is gone.",
}


def of(before: Answers, after: Answers) -> list[str]:
    """What to do by hand when answers change.

    Args:
        before: Every answer of the project as it is.
        after: Every answer of the project as it is to be.

    Returns:
        Sentences, in the order of the questions; none where there was nothing, as for a project's first database.
    """
    changed = [name for name in MEANINGS if before.get(name) != after.get(name)]
    gone = [name for name in changed if before.get(name) not in (None, "none", False)]
    return [f"{name}: {MEANINGS[name].format(before=before[name])}" for name in gone]
