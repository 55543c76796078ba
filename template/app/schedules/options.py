"""The options of `app schedules add` and `edit`, and what they make of a schedule."""

import json
from typing import Annotated, Any

import typer

Task = Annotated[str | None, typer.Option(help="The name that the task is registered under.")]
Cron = Annotated[str | None, typer.Option(help='When: a crontab of five fields, such as "30 7 * * mon-fri".')]
Every = Annotated[float | None, typer.Option(help="When: again and again after this many seconds.")]
At = Annotated[str | None, typer.Option(help="When: once, at a time such as 2030-01-31T08:00:00+01:00.")]
Zone = Annotated[str | None, typer.Option(help="The crontab's time zone, such as Europe/Berlin.")]
Kwargs = Annotated[str | None, typer.Option(help="The task's arguments, such as '{\"user_id\": 1}'.")]
Queue = Annotated[str | None, typer.Option(help="A queue in place of the one that the task leads to.")]
Priority = Annotated[int | None, typer.Option(help="From 0 to 9; the higher, the sooner.")]
Expires = Annotated[float | None, typer.Option(help="Seconds after which a run that has not begun is dropped.")]
StartsAt = Annotated[str | None, typer.Option(help="The time before which nothing is due.")]
EndsAt = Annotated[str | None, typer.Option(help="The time after which nothing is due.")]
Missed = Annotated[str | None, typer.Option(help="What follows downtime: `once` (one run) or `skip` (none).")]
Organization = Annotated[str | None, typer.Option(help="Who the task is done for.")]


def changed(
    fields: dict[str, Any], when: dict[str, Any], kwargs: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Return a schedule with what was given in the place of what it was.

    Args:
        fields: The schedule as plain JSON; empty for a new one.
        when: The options of which one at most is given, and the time zone.
        kwargs: The task's arguments as JSON.
        options: The others, named after the fields.

    Raises:
        BadSchedule: The arguments are no JSON.
    """
    from app.schedules.entry import BadSchedule

    found = fields | _given(options)
    if times := _given(when):
        # A time zone alone is that of the crontab which is there.
        found["when"] = (fields.get("when", {}) if times.keys() == {"timezone"} else {}) | times
    if kwargs is not None:
        try:
            found["kwargs"] = json.loads(kwargs or "{}")
        except ValueError as error:
            message = f"--kwargs is not JSON: {error}"
            raise BadSchedule(message) from None
    return found


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value == "" else value for name, value in options.items() if value is not None}
