"""The filters that Copier gives to templates, without those that look at the machine on which a template is rendered.

It imports Jinja, so whoever needs it imports it late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jinja2_ansible_filters
from jinja2 import Environment
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension

LOOKING = ("expanduser", "expandvars", "fileglob", "realpath", "relpath")

_all = jinja2_ansible_filters.AnsibleCoreFiltersExtension


class Filters(Extension):
    """Copier's filters for Jinja; those that would put something of this machine into a project refuse to."""

    def __init__(self, environment: Environment) -> None:
        """Give an environment the filters."""
        super().__init__(environment)
        _all(environment)
        environment.filters.update({name: _refusing(name) for name in LOOKING})


@contextmanager
def given_to_copier() -> Iterator[None]:
    """Let Copier, which finds the extension by its name, find this one in its place."""
    jinja2_ansible_filters.AnsibleCoreFiltersExtension = Filters
    try:
        yield
    finally:
        jinja2_ansible_filters.AnsibleCoreFiltersExtension = _all


def _refusing(name: str) -> Callable[..., str]:
    def refuse(*_args: object, **_options: object) -> str:
        raise SecurityError(f"the filter `{name}` looks at this machine, which Forge does not let a template do")

    return refuse
