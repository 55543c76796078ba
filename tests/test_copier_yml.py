"""copier.yml: what it may hold, and what it refuses."""

import re
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from forge_cli import questions
from forge_cli.questions import template_root
from tests.conftest import Render
from tests.options import covering

TEMPLATE = template_root() / "template"
CONFIG = yaml.safe_load((template_root() / "copier.yml").read_text())

BAD_NAMES = {
    "a path": "../x",
    "a quote": 'a"b',
    "300 characters": "a" * 300,
    "two lines": "a\nb",
    "a newline at the end": "a\n",
    "emoji": "rocket 🚀",
    "a YAML mapping": "a: b",
    "a YAML list": "- a",
    "YAML flow": "{a}",
    "a comment": "a #b",
    "a shell command": "a;b",
    "a substitution": "$(a)",
    "a path of two parts": "a/b",
    "a backslash": "a\\b",
    "a space at the end": "a ",
    "an option": "-a",
    "no ASCII letter": "项目",
    "nothing": "",
}


def copy(template: Path, folder: Path, **options: Any) -> None:
    """Render a template as plain Copier does."""
    answers = {"project_name": "demo"}
    copier.run_copy(str(template), folder / "project", data=answers, defaults=True, quiet=True, **options)


def test_every_question_has_a_help_text_a_type_and_a_default() -> None:
    for question in questions.asked():
        assert question.help, question.name
        assert question.type in {"str", "bool"}
        assert question.default is not None or question.name == "project_name"


def test_a_question_has_no_key_that_copier_would_silently_ignore() -> None:
    known = {"type", "help", "default", "choices", "validator", "placeholder", "when"}
    for name in questions.questions():
        assert set(CONFIG[name]) <= known, name


def test_the_template_never_needs_trust(tmp_path: Path) -> None:
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & CONFIG.keys()
    copy(template_root(), tmp_path, unsafe=False)


def test_every_owned_path_is_in_the_template() -> None:
    owned = re.findall(r"^\s*(/\S+)$", "\n".join(CONFIG["_exclude"]), re.MULTILINE)

    assert len(owned) > 10
    for path in owned:
        assert list(TEMPLATE.glob(path[1:] + "*")), path


def test_a_misspelt_variable_stops_the_rendering(template: Path, tmp_path: Path) -> None:
    (template / "template" / "misspelt.txt.jinja").write_text("{{ flwer }}")
    try:
        with pytest.raises(Exception, match="'flwer' is undefined"):
            copy(template, tmp_path)
    finally:
        (template / "template" / "misspelt.txt.jinja").unlink()


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=list(BAD_NAMES))
def test_a_name_that_is_not_safe_everywhere_is_refused(name: str, render: Render) -> None:
    with pytest.raises(ValueError, match=r"The project name must be 1 to 50 letters, .* end with a letter or digit\."):
        render({"project_name": name})


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ünïcode Ångström", "unicode-angstrom"),
        ("demo", "demo"),
        ("My  Great_Service 2.0", "my-great-service-2-0"),
        ("Straße Œuvre Łódź", "strasse-oeuvre-lodz"),
        ("yes", "yes"),
        ("null", "null"),
    ],
)
def test_a_name_gives_a_sensible_ascii_slug(name: str, slug: str, render: Render) -> None:
    project = render({"project_name": name})

    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == slug
    assert yaml.safe_load((project / "compose.yaml").read_text())["name"] == slug


def test_a_project_cannot_have_the_name_of_a_package_it_depends_on(render: Render) -> None:
    for answers in covering("broker", "database", "result_backend", "beat", "backup", "auth", "flower"):
        pyproject = tomllib.loads((render(answers) / "pyproject.toml").read_text())
        for requirement in pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]:
            package = re.split(r"[\[><=]", requirement)[0]
            refused = questions.refusal(questions.questions()["project_name"], {"project_name": package.title()})
            assert refused == "The project name must not be the name of a package that the project depends on.", package


@pytest.mark.parametrize(
    "name", ["PYTHON.DATEUTIL", "python_dateutil", "Python  Dateutil", "Vine", "Célery", "celery项"]
)
def test_another_spelling_of_a_package_is_refused_too(name: str) -> None:
    assert "package that the project depends on" in questions.refusal(
        questions.questions()["project_name"], {"project_name": name}
    )


def test_a_letter_with_an_accent_is_that_letter_in_the_name_of_a_package() -> None:
    for letter in "ÄàçéÎñøúłıŷŻ":
        plain = questions.slug({"project_name": letter})
        for package in ("aiomysql", "celery", "idna", "limits", "authlib", "nothing"):
            name = package.replace(plain, letter)
            known = questions.slug({"project_name": name}) in {"aiomysql", "celery", "idna", "limits"}
            assert bool(questions.refusal(questions.questions()["project_name"], {"project_name": name})) == known, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("description", 'a "quoted" word'),
        ("description", "two\nlines"),
        ("description", "{{ jinja }}"),
        ("author_name", 'a"b'),
        ("author_name", "a\nb"),
        ("author_email", "nobody"),
        ("author_email", "a@b.co\n"),
        ("author_email", '"a"@b.co'),
    ],
)
def test_a_text_that_would_break_a_file_is_refused(name: str, value: str, render: Render) -> None:
    with pytest.raises(ValueError, match=name):
        render({"project_name": "demo", name: value})
