"""The options of `app schedules add` and `edit`."""

from typing import Annotated

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
