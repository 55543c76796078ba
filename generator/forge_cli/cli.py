"""The commands: names, arguments, help.

Exit codes: 0 done, 1 failed, 2 usage, 3 conflicts to resolve, 4 behind, 130 interrupted.
"""

import inspect
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from forge_cli import answers, doctor_command, interrupts, output, project, questions, templates, update_commands
from forge_cli.errors import ForgeError, UsageError
from forge_cli.questions import Answer, Question

NO_WINDOWS = (
    "Forge and the projects that it makes do not run on Windows itself, only in WSL: "
    "https://learn.microsoft.com/windows/wsl."
)

app = typer.Typer(
    help="Starts a FastAPI + Celery project that runs, and keeps it current.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 conflicts to resolve, 4 behind, 130 interrupted.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

Dest = Annotated[Path | None, typer.Argument(help="The directory to make; by default one named after the project.")]
Data = Annotated[list[str] | None, typer.Option("--data", "-d", metavar="KEY=VALUE", help="An answer; repeatable.")]
File = Annotated[Path | None, typer.Option("--answers", metavar="FILE", help="Answers in YAML or JSON.")]
Preset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=f"Made answers: {', '.join(answers.presets())}", autocompletion=answers.presets),
]
Defaults = Annotated[bool, typer.Option("--defaults", "-y", help="Ask nothing: the defaults answer the rest.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the files that would be made, and make none.")]
Force = Annotated[bool, typer.Option("--force", help="Fill a directory that is not empty. Its files are kept.")]
NoGit = Annotated[bool, typer.Option("--no-git", help="Make no repository and no commit.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else; ask nothing.")]
Source = Annotated[
    str | None,
    typer.Option(
        "--template", metavar="PATH_OR_URL", envvar="FORGE_TEMPLATE", help="Another template; its newest release."
    ),
]
Ref = Annotated[
    str | None, typer.Option("--vcs-ref", metavar="REF", help="Another version: a release, a branch or a commit.")
]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
VersionJson = Annotated[bool, typer.Option("--json", help="With --version: print one JSON document.")]


def with_questions(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each question of copier.yml, in place of its `**flags`."""
    signature = inspect.signature(command)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    parameters = [*own, *map(_option, questions.asked())]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _option(question: Question) -> inspect.Parameter:
    switch = question.type == "bool"
    details = typer.Option(
        f"{question.flag}/--no-{question.flag[2:]}" if switch else question.flag,
        help=output.explained(question),
        metavar=None if switch else question.name.upper() if question.choices else "TEXT",
        autocompletion=lambda: [choice.value for choice in question.choices],
        rich_help_panel="Answers",
    )
    annotation = Annotated[bool | None, details] if switch else Annotated[str | None, details]
    return inspect.Parameter(question.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


@app.callback()
def forge(context: typer.Context, version: Version = False, as_json: VersionJson = False) -> None:
    """Print the version, or the help when there is no command."""
    if version:
        output.version(as_json=as_json)
        raise typer.Exit
    if as_json:
        raise UsageError("--json goes after the command, as in `forge options --json`.")
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
@with_questions
def new(
    dest: Dest = None,
    data: Data = None,
    answers_file: File = None,
    preset: Preset = None,
    defaults: Defaults = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    force: Force = False,
    no_git: NoGit = False,
    source: Source = None,
    ref: Ref = None,
    **flags: Answer | None,
) -> None:
    """Make a project. What is not answered here is asked.

    An answer given by its own option beats -d, which beats --answers, which beats --preset.
    """
    with output.progress(enabled=defaults and not as_json), templates.chosen(source, ref) as template:
        given = answers.collect(flags, data or [], answers_file, preset)
        made = project.create(
            dest, given, template, defaults=defaults or as_json, dry_run=dry_run, force=force, commit=not no_git
        )
    output.project(made, as_json=as_json)


@app.command()
def options(as_json: Json = False) -> None:
    """Print the questions, what they allow, and which answers do not go together."""
    output.options(as_json=as_json)


app.command()(update_commands.update)
app.command("set")(update_commands.set_answers)
app.command()(update_commands.check)
app.command()(doctor_command.doctor)
app.command()(doctor_command.trust)


def main(args: list[str] | None = None) -> int:
    """Run a command, and be the one place that prints errors.

    Args:
        args: The command line, without the name of the program.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if args is None else args
    interrupts.treat_all_as_ctrl_c()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may hold what the terminal cannot show
    try:
        if sys.platform == "win32":
            raise ForgeError(NO_WINDOWS)
        code = int(app(arguments, prog_name="forge", standalone_mode=False) or 0)
        output.flush()
    except ForgeError as error:
        message, code = str(error), error.exit_code
    except typer.TyperException as error:
        message, code = error.format_message(), error.exit_code
    except BrokenPipeError:
        return 1  # whoever read the output has seen enough
    except OSError as error:
        message, code = f"{error.strerror or error}.", 1
    except Exception as error:
        if os.environ.get("FORGE_TRACEBACK"):
            raise
        message, code = output.defect(error), 1
    else:
        message = "Interrupted." if code == 130 else ""  # Typer's answer to Ctrl-C
    if message:
        output.error(message, code, as_json="--json" in arguments)
    return code
