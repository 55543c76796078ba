"""What `forge options`, `forge --help` and the shell's completion say of copier.yml."""

import json
import re
from pathlib import Path

import pytest
import yaml

from forge_cli import __version__, questions
from forge_cli.cli import main

from .conftest import ROOT, Forge, run, template

COPIER_YML = yaml.safe_load((ROOT / "copier.yml").read_text())
ASKED = {
    name: question
    for name, question in COPIER_YML.items()
    if not name.startswith("_") and question.get("when") is not False
}
COMMANDS = ["new", "options", "update", "set", "check", "doctor", "trust"]


def test_options_name_every_question_with_its_values(forge: Forge) -> None:
    out = forge("options").out
    for name, question in ASKED.items():
        [line] = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert question["help"] in line
    assert "broker          What carries the messages: redis (default), rabbitmq\n" in out
    assert "flower          Add the Flower dashboard, behind a password (default: yes)\n" in out
    assert "author_name     Who holds the copyright (default: <project_name> maintainers)\n" in out


def sentence(remedy: str, **answers: object) -> str:
    """What is said of two answers that do not go together."""
    (one, value), (other, other_value) = ((name, str(value).lower()) for name, value in answers.items())
    return f"`{one}` cannot be `{value}` when `{other}` is `{other_value}`: {remedy}"


def test_options_name_the_refused_pairs_and_why(forge: Forge) -> None:
    pairs: list[tuple[dict[str, object], str]] = [
        ({"result_backend": "database", "database": "none"}, "choose a database, or keep results in `redis`."),
        ({"beat": "database", "database": "none"}, "choose a database, or keep schedules in `redis`."),
        ({"backup": True, "database": "none"}, "there is nothing to back up."),
        ({"backup": True, "beat": "none"}, "choose a scheduler, which runs it every night."),
    ]
    told = [(answers, sentence(remedy, **answers)) for answers, remedy in pairs]
    listed = "".join(f"  {reason}\n" for _, reason in told)
    assert forge("options").out.endswith(f"\nRefused:\n{listed}")
    assert json.loads(forge("options", "--json").out)["refused"] == [
        {"answers": answers, "reason": reason} for answers, reason in told
    ]


def test_options_as_json_hold_what_copier_yml_holds(forge: Forge) -> None:
    content = json.loads(forge("options", "--json").out)
    assert [question["name"] for question in content["questions"]] == list(ASKED)
    for question in content["questions"]:
        source = ASKED[question["name"]]
        assert (question["type"], question["help"]) == (source["type"], source["help"])
        assert question["default"] == source.get("default")
        assert question["required"] is ("default" not in source)
    [broker] = [question for question in content["questions"] if question["name"] == "broker"]
    assert broker["choices"] == [{"value": "redis", "label": "Redis"}, {"value": "rabbitmq", "label": "RabbitMQ"}]
    assert content["computed"] == [name for name in COPIER_YML if not name.startswith("_") and name not in ASKED]


@pytest.mark.matrix
def test_every_pair_that_forge_refuses_is_refused_by_new_and_every_other_pair_is_not(forge: Forge) -> None:
    refused = [tuple(sorted(pair.answers.items())) for pair in questions.refused_pairs()]
    shaping = [question for question in questions.asked() if question.choices and question.name != "license"]
    for one in shaping:
        for other in shaping:
            if one.name < other.name:
                for pair in [((one.name, a), (other.name, b)) for a in one.values for b in other.values]:
                    data = [argument for name, value in pair for argument in ("-d", f"{name}={value}")]
                    # A destination that cannot be made is noticed after the answers and before the work.
                    code = forge("new", "/dev/null/demo", "-y", "-d", "project_name=demo", *data).code
                    assert (code == 2) is (pair in refused), pair


def test_every_default_can_be_found_without_asking() -> None:
    assert list(questions.complete({"project_name": "demo"})) == list(ASKED)


def test_help_names_the_commands_and_the_exit_codes(forge: Forge) -> None:
    out = forge("--help").out
    assert "Exit codes: 0 done, 1 failed, 2 usage, 3 conflicts to resolve, 4 behind, 130 interrupted." in out
    assert forge().out == out
    assert re.findall(r"^│ (\w+) ", out, flags=re.MULTILINE) == COMMANDS


def test_the_help_of_new_has_an_option_for_each_question() -> None:
    out = run("new", "--help", COLUMNS="200").out
    answers = out[out.index("─ Answers ─") :]
    for name, question in ASKED.items():
        flag = "--" + name.replace("_", "-")
        assert f"{flag} " in answers
        assert (f"--no-{name} " in answers) is (question["type"] == "bool")
        assert question["help"] in answers


def test_the_version_is_one_line(forge: Forge) -> None:
    revision = template().revision
    assert forge("--version").out == f"forge {__version__}{f' (template {revision})' if revision else ''}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("forge new --broker ", ["redis", "rabbitmq"]),
        ("forge new --database my", ["mysql"]),
        ("forge new --python-version ", ["3.13", "3.14", "3.12", "3.11"]),
        ("forge new --preset ", ["minimal", "standard"]),
        ("forge new --fl", ["--flower"]),
        ("forge new --no-d", ["--no-docker"]),
        ("forge ", COMMANDS),
    ],
)
def test_the_shell_completes_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, offered: list[str]
) -> None:
    monkeypatch.setenv("_FORGE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - (not typed.endswith(" "))))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == offered


def test_copier_yml_uses_only_what_forge_understands() -> None:
    known = {"type", "help", "default", "choices", "validator", "when", "placeholder"}
    for name, question in COPIER_YML.items():
        if not name.startswith("_"):
            assert question.keys() <= known, name
            assert question["type"] in {"str", "bool"} or question.get("when") is False, name
    assert not {"_tasks", "_jinja_extensions", "_migrations", "_external_data"} & COPIER_YML.keys()


def test_the_path_of_the_template_is_the_checkout() -> None:
    assert questions.template_root() == Path(ROOT)
