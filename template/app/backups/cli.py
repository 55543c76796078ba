"""`app backup`, `app backups` and `app restore`.

The commands import what they need when they run: settings are read once, and before that it is settled where this is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.core.config.base import default_to_development

backups = typer.Typer(help="The backups that there are; and whether the latest can be restored.")

UNITS = [(86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds")]


@contextmanager
def _told() -> Iterator[None]:
    """Say in one sentence what has failed."""
    default_to_development()
    from app.backups.engine import BackupError

    try:
        yield
    except (BackupError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def backup(
    retention_days: Annotated[
        int | None, typer.Option(min=1, help="Remove backups that are older, in place of BACKUP_RETENTION_DAYS.")
    ] = None,
) -> None:
    """Back up the database now."""
    with _told():
        from app.backups.making import make

        made = make(retention_days)
        manifest = made.manifest
        typer.echo(f"{made.path}  {_size(manifest.size)}  {_rows(manifest.rows)}  {manifest.seconds:.1f} seconds")


@backups.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Read every file, and compare its checksum.")] = False,
) -> None:
    """List the backups, oldest first: name, age, size, rows, and whether the file is whole."""
    if context.invoked_subcommand:
        return
    with _told():
        from app.backups import store

        found = store.listed()
        for each in found:
            manifest = each.manifest
            told = [each.path.name, _age(each.age), _size(manifest.size), _rows(manifest.rows)]
            typer.echo("  ".join([*told, each.state(thorough=check)]))
        if not found:
            typer.echo(f"There are no backups in `{store.directory()}`.", err=True)


@backups.command()
def drill() -> None:
    """Restore the latest backup into a scratch database, compare the rows of every table, and remove it."""
    with _told():
        from app.backups.restoring import drill

        done = drill()
        typer.echo(
            f"{done.backup.path.name} can be restored: {_rows(done.backup.manifest.rows)}, {done.seconds} seconds"
        )


def restore(
    file: Annotated[str, typer.Argument(help="A file, a name that `app backups` shows, or `latest`.")],
    into: Annotated[
        str | None,
        typer.Option(
            envvar="RESTORE_INTO",
            help="Another database on the same server, by its name; or a URL. Put a URL with a password in the"
            " variable: others can read a command line.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also into a database that is not empty.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put a backup into the configured database, or into another one."""
    with _told():
        from app.backups import restoring, store

        found = store.find(file)
        typer.echo(f"{found.path.name}: {_age(found.age)} old, {_size(found.manifest.size)}")

        def confirm(what: str) -> None:
            typer.echo(what)
            if not yes:
                typer.confirm("Go on?", abort=True)

        rows = restoring.restore(found, restoring.target(into), force=force, confirm=confirm)
        typer.echo(f"Restored {_rows(rows)}.")


def _age(seconds: float) -> str:
    for length, unit in UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _rows(rows: dict[str, int]) -> str:
    return f"{sum(rows.values())} rows in {len(rows)} tables"
