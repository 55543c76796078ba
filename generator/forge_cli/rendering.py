"""The template, rendered by Copier's public API; what Copier and Jinja raise, as one sentence each."""

from __future__ import annotations

import errno
import re
import traceback
import warnings
from pathlib import Path

import copier
from copier.errors import CopierError, CopierWarning, InteractiveSessionError, SettingsError, UnsafeTemplateError
from jinja2 import TemplateError
from plumbum import local
from yaml import YAMLError

from forge_cli import answers_file, filters, paths
from forge_cli.errors import ForgeError, UsageError
from forge_cli.questions import Answers, asked, template_root

# What evaluating a Jinja expression can raise.
TEMPLATE_ERRORS = (
    TemplateError, YAMLError, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip
# What a file system says of paths that get in each other's way, or that nothing can have.
IN_THE_WAY = {errno.EEXIST, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR}
# How Copier introduces the sentences of copier.yml, and what else it says of a value that is not a choice.
REFUSED = re.compile(
    r"Validation error for question '\w+': |(?=Invalid choice .* is not in \[)|Invalid choice for '\w+': "
)


def render(project: Path, answers: Answers, *, defaults: bool, suggested_name: str | None = None) -> Answers:
    """Render the template into a directory, asking for what was not answered.

    Args:
        project: The directory to make.
        answers: The given answers.
        defaults: Whether the defaults answer the rest; otherwise Copier asks.
        suggested_name: What is offered when Copier asks for the project's name.

    Returns:
        Every answer: given, default or typed at a prompt.

    Raises:
        UsageError: If an answer is refused, or there is nobody to ask.
        ForgeError: If the template or the user's Copier settings are broken, or the template makes what could do harm.
    """
    answered = _rendered(project, answers, defaults=defaults, suggested_name=suggested_name)
    paths.check_rendered(project)
    answers_file.check_rendered(project)
    return answered


def _rendered(project: Path, answers: Answers, *, defaults: bool, suggested_name: str | None) -> Answers:
    try:
        # Copier's warnings are about templates in git and missing settings files. Without git in its sight, Copier
        # renders the directory as it is and does not run `git config` once per file, which is half of its time.
        with (
            warnings.catch_warnings(action="ignore", category=CopierWarning),
            local.env(PATH=""),
            filters.given_to_copier(),
        ):
            worker = copier.run_copy(
                str(template_root()),
                project,
                data=dict(answers),
                defaults=defaults,
                user_defaults={"project_name": suggested_name} if suggested_name else {},
                # Whom the user lets run programs is said there by address, and this is a copy of the template.
                settings=copier.Settings(defaults=copier.load_settings().defaults),
                quiet=True,
            )
    except KeyboardInterrupt:
        raise  # at a prompt, it is a CopierError too
    except SettingsError as error:
        raise ForgeError(f"Copier's settings file is broken: {_one_line(error).rstrip('.')}.") from error
    except InteractiveSessionError as error:
        raise UsageError("The questions were not answered. Pass --defaults to take the default answers.") from error
    except UnsafeTemplateError as error:
        raise ForgeError(
            "The template has tasks or extensions of Jinja, which are programs, and Forge runs none of a template's. "
            "Use another one."
        ) from error
    except CopierError as error:
        raise ForgeError(_broken(error)) from error
    except TEMPLATE_ERRORS as error:
        if refused := REFUSED.match(_one_line(error)):
            raise UsageError(_one_line(error)[refused.end() :]) from error
        raise ForgeError(_broken(error)) from error
    except OSError as error:  # and not Jinja's, which are above
        if error.errno not in IN_THE_WAY:
            raise
        raise ForgeError(f"The template is broken: {error.strerror}, at one of the paths that it makes.") from error
    return {question.name: worker.answers.combined[question.name] for question in asked()}


def _broken(error: Exception) -> str:
    root = template_root()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    template = [frame for frame in frames if not frame.filename.endswith(".py")]
    place = f" at `{Path(template[-1].filename).relative_to(root)}`, line {template[-1].lineno}" if template else ""
    reason = _one_line(error).rstrip(".") or f"Copier cannot render it ({type(error).__name__})"
    return f"The template is broken{place}: {reason}."


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
