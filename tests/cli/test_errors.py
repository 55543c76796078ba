"""What goes wrong is said in one sentence, with the exit code that is documented."""

import os
import subprocess
import sys
from pathlib import Path

import copier
import pytest

from .conftest import Forge, run, tree

NAME = (
    "The project name must be 1 to 50 letters, digits, spaces, dots, hyphens or underscores, "
    "begin with a Latin letter and end with a letter or digit."
)
DESCRIPTION = (
    "The description must be one line of 1 to 200 characters without double quotes, backslashes, backticks, "
    "dollar signs, braces or angle brackets."
)
PAIR = "`result_backend` cannot be `database` when `database` is `none`: choose a database, or keep results in `redis`."
QUESTIONS = (
    "The questions are: project_name, description, author_name, author_email, license, python_version, "
    "broker, database, result_backend, beat, backup, auth, flower, docker, ci."
)

REFUSED_NAMES = ["../x", 'a"b', "a" * 300, "a\nb", "rocket 🚀", "a: b", "", "x ", "1st", "$(id)", "a/b", "- a", "x\n"]


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_forge_and_copier_refuse_a_name_with_the_same_sentence(forge: Forge, checkout: Path, name: str) -> None:
    ran = forge("new", "demo", "-y", "-d", f"project_name={name}")
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {NAME}\n")

    with pytest.raises(ValueError, match="Validation error for question 'project_name'") as error:
        copier.run_copy(str(checkout), "demo", {"project_name": name}, quiet=True)
    assert NAME in str(error.value)
    assert tree(Path()) == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["new", "-y"], "The project needs a name. Pass DEST or --project-name."),
        (["new", "demo"], "There is no terminal to ask in. Pass --defaults to take the default answers."),
        (["new", "1st", "-y"], f"{NAME} The name of the directory will not do: pass --project-name."),
        (["new", "demo", "-y", "-d", "brokr=redis"], f"`brokr` is not a question. {QUESTIONS}"),
        (["new", "demo", "-y", "-d", "slug=demo"], f"`slug` is computed and cannot be given. {QUESTIONS}"),
        (["new", "demo", "-y", "-d", "broker"], "`broker` is not an answer. Write it as key=value."),
        (["new", "demo", "-y", "-d", "broker=kafka"], "`broker` must be one of: redis, rabbitmq."),
        (["new", "demo", "-y", "--broker", "kafka"], "`broker` must be one of: redis, rabbitmq."),
        (["new", "demo", "-y", "-d", "flower=maybe"], "`flower` must be true or false."),
        (["new", "demo", "-y", "--preset", "huge"], "`huge` is not a preset. The presets are: minimal, standard."),
        (["new", "demo", "-y", "--description", "`id`"], DESCRIPTION),
        (["new", "demo", "-y", "--result-backend", "database", "--database", "none"], PAIR),
        (["new", "demo", "--result-backend", "database", "--database", "none", "-y", "--dry-run"], PAIR),
        (["new", "demo", "-y", "--answers", "missing.yml"], "`missing.yml` cannot be read: No such file or directory."),
        (["new", "demo", "-y", "--answers", "."], "`.` cannot be read: Is a directory."),
        (["new", "demo", "--brokr", "redis"], "No such option: --brokr (Possible options: --broker, --docker)"),
        (["new", "a", "b"], "Got unexpected extra argument(s) (b)"),
        (["nwe"], "No such command 'nwe'. Did you mean 'new'?"),
    ],
)
def test_a_usage_error_names_the_remedy_and_exits_2(forge: Forge, args: list[str], message: str) -> None:
    ran = forge(*args)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")
    assert tree(Path()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: b: c", "`answers.yml` is neither YAML nor JSON (line 1)."),
        (b"broker: redis\n  x: [", "`answers.yml` is neither YAML nor JSON (line 2)."),
        (b"[" * 100_000, "`answers.yml` is neither YAML nor JSON (line 1)."),
        (b"\xff\xfe", "`answers.yml` cannot be read: it is not text in UTF-8."),
        (b"", "`answers.yml` holds no answers. Write one `question: answer` on each line."),
        (b"- broker", "`answers.yml` holds no answers. Write one `question: answer` on each line."),
        (b"broker: null", "`broker` must be one of: redis, rabbitmq."),
        (b"database: no", "`database` must be one of: postgresql, mysql, sqlite, none."),
        (b"description: [a]", "`description` must be text."),
        (b"flower: 2", "`flower` must be true or false."),
        (b"slug: x", f"`slug` is computed and cannot be given. {QUESTIONS}"),
        (b"!!python/name:os.system x: 1", "`answers.yml` is neither YAML nor JSON (line 1)."),
    ],
)
def test_a_bad_file_of_answers_is_a_usage_error(forge: Forge, content: bytes, message: str) -> None:
    Path("answers.yml").write_bytes(content)
    ran = forge("new", "demo", "-y", "--answers", "answers.yml")
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")
    assert tree(Path()) == ["answers.yml"]


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        (
            "defaults: [1]",
            1,
            "Copier's settings file is broken: Invalid format: defaults: Input should be a valid dictionary.",
        ),
        ("defaults: {broker: kafka}", 2, "Invalid choice for 'broker': 'kafka' is not in ['redis', 'rabbitmq']"),
        ("defaults: {database: none, result_backend: database}", 2, PAIR),
    ],
)
def test_broken_settings_of_copier_are_one_sentence(
    forge: Forge, home: Path, settings: str, code: int, message: str
) -> None:
    (home / "copier.yml").write_text(settings)
    ran = forge("new", "demo", "-y")
    assert (ran.code, ran.out, ran.err) == (code, "", f"error: {message}\n")
    assert tree(Path()) == []


def test_settings_that_are_not_yaml_are_one_line(forge: Forge, home: Path) -> None:
    (home / "copier.yml").write_text("a: b: c")
    ran = forge("new", "demo", "-y")
    assert ran.code == 1
    assert ran.err.startswith("error: Copier's settings file is broken: Invalid YAML data: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# {{ projct_name }}\n", "'projct_name' is undefined."),
        ("# \n{% if %}\n", "Expected an expression, got 'end of statement block'."),
        ("{{ 1 / 0 }}", "division by zero."),
        ("{{ {}['x'].y }}", "'dict object' has no attribute 'x'."),
        ("{{ 'x' + 1 }}", 'can only concatenate str (not "int") to str.'),
    ],
)
def test_a_bug_in_the_template_names_the_line_and_leaves_nothing(checkout: Path, text: str, problem: str) -> None:
    (checkout / "template" / "README.md.jinja").write_text(text)
    ran = run("new", "some/where/demo", "-y", checkout=checkout)
    line = 2 if "if" in text else 1
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: The template is broken at `template/README.md.jinja`, line {line}: {problem}\n"
    assert tree(Path()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        ran = run("new", disk / "deep" / "demo", "-y")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == f"error: `{disk}/deep/demo` cannot be made: No space left on device.\n"
        assert tree(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_place_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", disk], check=False).returncode:
        pytest.skip("only root may mount a read-only disk")
    try:
        ran = run("new", disk / "demo", "-y")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == f"error: `{disk}/demo` cannot be made: Read-only file system.\n"
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("script", "err"),
    [
        ("forge options | true", ""),
        ("PYTHONUNBUFFERED=1 forge options | true", ""),
        ("forge options > /dev/full", "error: No space left on device.\n"),
        ("forge options >&-", ""),
        ("forge new demo <&-", "error: There is no terminal to ask in. Pass --defaults to take the default answers.\n"),
    ],
)
def test_a_shell_may_cut_the_streams_off(script: str, err: str) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == err


def test_what_a_terminal_would_act_on_is_printed_as_text(forge: Forge) -> None:
    ran = forge("new", "demo", "-y", "-d", "\x1b[31mred=1")
    assert ran.err == f"error: `\\x1b[31mred` is not a question. {QUESTIONS}\n"


def test_windows_itself_is_refused_in_a_sentence() -> None:
    there = "import sys; from forge_cli.cli import main; sys.platform = 'win32'; sys.exit(main(['new', 'demo', '-y']))"
    done = subprocess.run([sys.executable, "-c", there], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: Forge and the projects that it makes do not run on Windows itself, only in WSL: "
        "https://learn.microsoft.com/windows/wsl.\n"
    )
    assert tree(Path()) == []
