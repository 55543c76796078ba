"""What `forge new` makes of the answers it is given."""

import json
from pathlib import Path

import pytest
import yaml

from forge_cli import answers, questions

from .conftest import Forge, git, template, tree

DEFAULTS = {
    "project_name": "demo",
    "description": "A FastAPI service with Celery background jobs.",
    "author_name": "demo maintainers",
    "author_email": "",
    "license": "mit",
    "python_version": "3.13",
    "broker": "redis",
    "database": "postgresql",
    "result_backend": "redis",
    "beat": "file",
    "backup": True,
    "auth": "api_key",
    "flower": True,
    "docker": True,
    "ci": "github",
}


def recorded(project: Path) -> dict[str, object]:
    content = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return {key: value for key, value in content.items() if not key.startswith("_")}


def planned(forge: Forge, *args: str | Path) -> dict[str, object]:
    """The answers that a project would be made with."""
    ran = forge("new", "demo", "--dry-run", "--json", *args)
    assert ran.code == 0, ran.out
    return dict(json.loads(ran.out)["answers"])


def test_a_project_is_made_committed_and_summed_up(forge: Forge) -> None:
    ran = forge("new", "demo", "--defaults")

    project = Path("demo")
    assert (project / "README.md").is_file()
    assert (project / "pyproject.toml").is_file()
    assert recorded(project) == DEFAULTS
    assert git(project, "status", "--porcelain") == ""
    files = git(project, "ls-files").splitlines()
    notes = "".join(note + "\n" for note in template().notes)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out == (
        f"""\
Made demo in `demo`: {len(files)} files.
{notes}
  project_name    demo
  description     A FastAPI service with Celery background jobs.
  author_name     demo maintainers
  author_email
  license         mit
  python_version  3.13
  broker          redis
  database        postgresql
  result_backend  redis
  beat            file
  backup          yes
  auth            api_key
  flower          yes
  docker          yes
  ci              github

To start:
  cd demo
  make dev

README.md tells the rest.
"""
    )


def test_every_question_is_an_option(forge: Forge) -> None:
    flags = {
        "project_name": "Other",
        "description": "Something else.",
        "author_name": "Ada",
        "author_email": "ada@example.com",
        "license": "apache-2.0",
        "python_version": "3.12",
        "broker": "rabbitmq",
        "database": "sqlite",
        "result_backend": "database",
        "beat": "redis",
        "backup": False,
        "auth": "jwt",
        "flower": False,
        "docker": False,
        "ci": "gitlab",
    }
    assert list(flags) == [question.name for question in questions.asked()]
    args = [
        argument
        for name, value in flags.items()
        for argument in ([f"--no-{name}"] if value is False else [f"--{name.replace('_', '-')}", str(value)])
    ]
    assert planned(forge, *args) == flags


def test_an_option_beats_d_which_beats_the_file_which_beats_the_preset(forge: Forge) -> None:
    Path("answers.yml").write_text("{database: mysql, license: apache-2.0, beat: file}")
    assert planned(
        forge, "--preset", "minimal", "--answers", "answers.yml",
        "-d", "license=proprietary", "-d", "flower=yes", "-d", "python_version=3.11", "--python-version", "3.12",
    ) == {
        **DEFAULTS,
        "docker": False,  # the preset alone
        "ci": "none",
        "database": "mysql",  # the file over the preset
        "beat": "file",
        "license": "proprietary",  # -d over the file
        "flower": True,
        "python_version": "3.12",  # the option over -d
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "broker: rabbitmq\nflower: false\n",
        '{\n\t"broker": "rabbitmq",\n\t"flower": false\n}',
        "_commit: v1\n_src_path: gh:some/where\nbroker: rabbitmq\nflower: 'no'\n",
    ],
    ids=["YAML", "JSON with tabs", "a project's answers"],
)
def test_answers_are_read_from_a_file(forge: Forge, text: str) -> None:
    Path("answers").write_text(text)
    assert planned(forge, "--answers", "answers") == {**DEFAULTS, "broker": "rabbitmq", "flower": False}


def test_nobody_is_needed_when_every_question_is_answered(forge: Forge) -> None:
    Path("answers.json").write_text(json.dumps(DEFAULTS))
    ran = forge("new", "--answers", "answers.json", "--no-git")  # without a terminal, and without --defaults
    assert (ran.code, ran.err) == (0, "")
    assert recorded(Path("demo")) == DEFAULTS


def test_nobody_is_needed_for_what_follows_from_the_answers(forge: Forge) -> None:
    nothing_to_back_up = {name: value for name, value in DEFAULTS.items() if name != "backup"} | {"database": "none"}
    Path("answers.json").write_text(json.dumps(nothing_to_back_up))
    ran = forge("new", "--answers", "answers.json", "--no-git")
    assert (ran.code, ran.err) == (0, "")
    assert recorded(Path("demo")) == nothing_to_back_up


def test_the_answers_of_one_project_make_another(forge: Forge) -> None:
    forge("new", "demo", "-y", "--preset", "minimal", "--description", "Sends letters.")
    forge("new", "twin", "-y", "--answers", "demo/.copier-answers.yml")
    assert recorded(Path("twin")) == recorded(Path("demo"))
    assert recorded(Path("twin"))["description"] == "Sends letters."


def test_the_standard_preset_is_the_defaults(forge: Forge) -> None:
    assert planned(forge, "--preset", "standard") == DEFAULTS


def test_the_minimal_preset_needs_redis_and_a_file(forge: Forge) -> None:
    minimal = {
        "broker": "redis", "database": "sqlite", "beat": "none", "backup": False, "flower": False, "docker": False,
        "ci": "none",
    }  # fmt: skip
    assert planned(forge, "--preset", "minimal") == {**DEFAULTS, **minimal}


def test_every_preset_answers_the_questions_that_shape_the_project() -> None:
    details = {"project_name", "description", "author_name", "author_email", "license", "python_version"}
    for preset in answers.presets():
        # Whether there is a backup follows from the database and the scheduler.
        assert answers.collect({}, preset=preset).keys() == DEFAULTS.keys() - details - {"backup"}


def test_the_settings_of_copier_hold_a_users_own_defaults(forge: Forge, home: Path) -> None:
    (home / "copier.yml").write_text("defaults: {author_name: Ada, broker: rabbitmq}")
    assert planned(forge) == {**DEFAULTS, "author_name": "Ada", "broker": "rabbitmq"}
    assert planned(forge, "--broker", "redis") == {**DEFAULTS, "author_name": "Ada"}


def test_a_name_without_a_directory_is_made_into_one(forge: Forge) -> None:
    ran = forge("new", "-y", "--project-name", "Ünïcode Ångström", "--no-git")
    assert ran.out.startswith("Made Ünïcode Ångström in `unicode-angstrom`: ")
    assert recorded(Path("unicode-angstrom"))["project_name"] == "Ünïcode Ångström"


def test_a_directory_without_a_name_gives_it_one(forge: Forge) -> None:
    forge("new", "some/where/letters", "-y", "--no-git")
    assert recorded(Path("some/where/letters"))["project_name"] == "letters"


def test_the_current_directory_becomes_the_project(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("letters").mkdir()
    monkeypatch.chdir("letters")
    ran = forge("new", ".", "-y")
    assert "\nTo start:\n  make dev\n" in ran.out
    assert recorded(Path())["project_name"] == "letters"
    assert git(Path(), "status", "--porcelain") == ""


def test_a_path_is_quoted_where_a_shell_reads_it(forge: Forge) -> None:
    assert "\n  cd 'my letters'\n" in forge("new", "my letters", "-y", "--no-git").out


def test_a_dry_run_prints_the_files_and_makes_none(forge: Forge) -> None:
    shown = forge("new", "demo", "-y", "--dry-run")
    assert tree(Path()) == []
    forge("new", "demo", "-y", "--no-git")
    files = [path for path in tree(Path("demo")) if (Path("demo") / path).is_file()]
    assert shown.out.splitlines() == files


@pytest.mark.filterwarnings("ignore::copier.errors.DirtyLocalWarning")
def test_forge_makes_what_copier_makes(forge: Forge) -> None:
    import copier

    forge("new", "demo", "-y", "--no-git", "--broker", "rabbitmq")
    source = str(questions.template_root())
    copier.run_copy(
        source, "copied", {"project_name": "demo", "broker": "rabbitmq"}, defaults=True, quiet=True, vcs_ref="HEAD"
    )

    def content(folder: str) -> dict[str, bytes]:
        return {
            path: (Path(folder) / path).read_bytes() for path in tree(Path(folder)) if (Path(folder) / path).is_file()
        }

    made, copied = content("demo"), content("copied")
    assert recorded(Path("demo")) == recorded(Path("copied"))
    del made[".copier-answers.yml"], copied[".copier-answers.yml"]  # Copier's has a commit
    assert made == copied
