"""Templates that try to run something, to write outside the project, or to bring the user's own into it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.trust.ground import Files, Link
from tests.updates.small import FIRST

QUESTIONS = FIRST["copier.yml"]
CHECKED = QUESTIONS.replace(
    "  help: Name\n", "  help: Name\n  validator: \"{{ ''.__class__.__mro__[1].__subclasses__() }}\"\n"
)
STOLEN = """
stolen:
  type: str
  when: false
  default: "{{ '$SECRET_OF_THE_USER' | expandvars }}"
"""
REPOSITORY = {"HEAD": "ref: refs/heads/x\n", "config": "[core]\n\tfsmonitor = @RUN@\n", "objects/x": "", "refs/x": ""}
ANSWERS = "template/{{ _copier_conf.answers_file }}.jinja"
LINKS = {"copier.yml": f"_preserve_symlinks: true\n{QUESTIONS}"}
EVERYTHING = {"copier.yml": QUESTIONS.replace("_exclude:\n", "_exclude:\n  - nothing\n")}
FILTER = '[core]\n\tfsmonitor = @RUN@\n\thooksPath = .git/hooks\n[filter "x"]\n\tclean = @RUN@\n\trequired = true\n'


@dataclass(frozen=True)
class Attack:
    """A template that does harm where it is believed.

    Attributes:
        files: What it has besides a few honest files.
        says: What the user is told instead.
        pointless: Whether what it makes is allowed, and only what it is after does not happen.
    """

    files: Files
    says: str = ""
    pointless: bool = False


def _config(**settings: str) -> Files:
    return {"copier.yml": "".join(f"_{name}: {value}\n" for name, value in settings.items()) + QUESTIONS}


ATTACKS = {
    # Links, through which something else would be written or read.
    "answers file is a link to a file of the user": Attack(
        {**LINKS, ANSWERS: None, "template/.copier-answers.yml": Link("@HOME@/.bashrc")}, "link that leads out"
    ),
    "answers file is a link whose target is computed": Attack(
        {**LINKS, ANSWERS: Link("{{ '@HOME@' }}/.bashrc")}, "link that leads out"
    ),
    "answers file is a link to the home directory by a filter": Attack(
        {**LINKS, ANSWERS: Link("{{ '~' | expanduser }}/.bashrc")}, "expanduser"
    ),
    "answers file is a link to a file in the project": Attack(
        {**LINKS, ANSWERS: None, "template/.copier-answers.yml": Link("code.py")}, "`.copier-answers.yml` a link"
    ),
    "answers file is a directory": Attack({ANSWERS: None, "template/.copier-answers.yml/x": "x"}),
    "link to a directory of the user": Attack({**LINKS, "template/d": Link("@HOME@")}, "link that leads out"),
    "file rendered through a link that was rendered before": Attack(
        {**LINKS, "template/d": Link("@HOME@"), "template/{{ 'd' }}/.bashrc": "@RUN@\n"}, "broken"
    ),
    "link rendered through a link that was rendered before": Attack(
        {**LINKS, "template/d": Link("@HOME@"), "template/{{ 'd' }}/new": Link("x")}, "broken"
    ),
    "link that climbs out": Attack({**LINKS, "template/deep/l": Link("../../../sibling/notes.md")}, "leads out"),
    "link that climbs out by another link": Attack(
        {**LINKS, "template/deep/up": Link(".."), "template/deep/out": Link("up/../../sibling")}, "leads out"
    ),
    "link that leads out and comes back": Attack(
        {**LINKS, "template/back": Link("../project/code.py")}, "link that leads out"
    ),
    "link to what git will make": Attack({**LINKS, "template/hooks": Link(".git/hooks")}, "link that leads out"),
    "file rendered into what git will make": Attack(
        {**LINKS, "template/h": Link(".git/hooks"), "template/{{ 'h' }}/pre-commit": "@RUN@\n"}
    ),
    "link used for reading a file": Attack({"template/stolen": Link("@HOME@/.ssh/id_ed25519")}, "broken"),
    "link used for reading a directory": Attack({"template/stolen": Link("@HOME@/.ssh")}, "broken"),
    "link in place of the template": Attack(
        {**{path: None for path in FIRST if path.startswith("template/")}, "template": Link("@HOME@")}, "broken"
    ),
    "link in place of the questions": Attack({"copier.yml": Link("@SIBLING@/copier.yml")}, "not a file of its own"),
    # Git's own files.
    "git configuration with a filter": Attack(
        {**EVERYTHING, "template/{{ '.git' }}/config": FILTER, "template/.gitattributes": "* filter=x\n"},
        "belongs to git",
    ),
    "git hook": Attack({**EVERYTHING, "template/{{ '.git' }}/hooks/pre-commit": "@RUN@\n"}, "belongs to git"),
    "git directory in another case": Attack({"template/{{ '.GiT' }}/config": FILTER}, "belongs to git"),
    "git directory of a file system that leaves characters out": Attack(
        {"template/{{ '.g\\u200cit' }}/config": FILTER}, "belongs to git"
    ),
    "git directory by its short name": Attack({"template/{{ 'GIT~' }}1/config": FILTER}, "belongs to git"),
    "git directory with a dot behind it": Attack({"template/{{ '.git' }}./config": FILTER}, "belongs to git"),
    "git directory with the separator of Windows": Attack({"template/{{ '.git\\\\hooks' }}": "x"}, "belongs to git"),
    "git directory further down": Attack({"template/deep/{{ '.git' }}/config": FILTER}, "belongs to git"),
    "file that names a git directory": Attack({"template/deep/{{ '.git' }}": "gitdir: ../evil\n"}, "belongs to git"),
    "directory that git takes for a repository": Attack(
        {f"template/d/{path}": text for path, text in REPOSITORY.items()}, "takes for a repository"
    ),
    "project that git takes for a repository": Attack(
        {f"template/{path}": text for path, text in REPOSITORY.items()}, "takes for a repository"
    ),
    "submodule from a program": Attack(
        {"template/.gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::@RUN@\n\tupdate = !@RUN@\n'}, pointless=True
    ),
    "attributes that name drivers": Attack(
        {"template/.gitattributes": "* filter=x diff=x merge=x\n", "template/.lfsconfig": "[lfs]\n\turl = @ROOT@\n"},
        pointless=True,
    ),
    # Paths that are computed.
    "path that climbs out": Attack({"template/{{ '..' }}/escaped": "x"}, "broken"),
    "path that is absolute": Attack({"template/{{ '%ctmp%cescaped' % (47, 47) }}": "x"}, "broken"),
    "answers file that climbs out": Attack(_config(answers_file="../../escaped.yml"), "broken"),
    "template directory that climbs out": Attack(
        {"copier.yml": QUESTIONS.replace("_subdirectory: template", "_subdirectory: ../..")}, "broken"
    ),
    # What runs.
    "task": Attack(_config(tasks="['@RUN@']"), "programs"),
    "task that is switched off": Attack(_config(tasks="[{command: '@RUN@', when: false}]"), "programs"),
    "extension of Jinja": Attack(_config(jinja_extensions="['evil.Extension']"), "programs"),
    "migration": Attack(_config(migrations="[{version: v1.0.0, before: ['@RUN@'], after: ['@RUN@']}]"), pointless=True),
    "message": Attack(_config(message_before_copy="\"{{ ''.__class__.__mro__ }}\""), pointless=True),
    "expression that leaves the sandbox": Attack(
        {"template/x.jinja": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}, "broken"
    ),
    "check that leaves the sandbox": Attack({"copier.yml": CHECKED}, "broken"),
    # What it would read.
    "variable of the environment": Attack(
        {"template/x.jinja": "{{ '$SECRET_OF_THE_USER' | expandvars }}"}, "expandvars"
    ),
    "variable of the environment by a computed name": Attack(
        {"template/x.jinja": "{{ ['$SECRET_OF_THE_USER'] | map('expand' ~ 'vars') | first }}"}, "expandvars"
    ),
    "variable of the environment in an answer": Attack(
        {"copier.yml": f"{QUESTIONS}{STOLEN}", "template/x.jinja": "{{ stolen }}"}, "expandvars"
    ),
    "list of the user's files": Attack({"template/x.jinja": "{{ '@HOME@/.ssh/*' | fileglob }}"}, "fileglob"),
    "external data": Attack(
        {**_config(external_data="{x: '@HOME@/gitconfig'}"), "template/x.jinja": "{{ _external_data.x }}"}, "broken"
    ),
    "questions from another file": Attack({"copier.yml": f"{QUESTIONS}\n---\n!include ../../*\n"}, "copier.yml"),
    "text included from another file": Attack({"template/x.jinja": "{% include '../../home/.bashrc' %}"}, "broken"),
}


def version(name: str) -> str:
    """The release of the hostile template that tries something."""
    return f"v1.1.{list(ATTACKS).index(name)}"
