"""`--json`: one JSON document on stdout, whatever happens, and nothing else there."""

import json
from pathlib import Path
from typing import Any

import pytest

from forge_cli import __version__

from .conftest import Forge, git, template


def document(out: str) -> dict[str, Any]:
    """The one document in the output."""
    content, end = json.JSONDecoder().raw_decode(out)
    assert out[end:] == "\n"
    return dict(content)


def test_new_describes_the_project(forge: Forge) -> None:
    made = document(forge("new", "some/demo", "--json", "--preset", "minimal").out)
    project = Path("some/demo")
    assert made.keys() == {
        "destination", "project_name", "slug", "answers", "files", "kept", "template", "commit", "notes", "dry_run",
    }  # fmt: skip
    assert made["destination"] == str(project.absolute())
    assert made["project_name"] == made["slug"] == "demo"
    assert made["answers"]["database"] == "sqlite"
    assert made["answers"]["flower"] is False
    assert made["files"] == git(project, "ls-files").splitlines()
    assert made["kept"] == []
    assert made["template"] == {"address": template().address, "revision": template().revision}
    assert made["notes"] == template().notes
    assert made["commit"] == git(project, "rev-parse", "HEAD")
    assert made["dry_run"] is False


def test_new_lists_what_was_kept(forge: Forge) -> None:
    Path("demo").mkdir()
    Path("demo/README.md").touch()
    made = document(forge("new", "demo", "--json", "--force").out)
    assert made["kept"] == ["README.md"]
    assert "README.md" not in made["files"]
    assert made["commit"] is None


def test_a_dry_run_is_described_too(forge: Forge) -> None:
    planned = document(forge("new", "demo", "--json", "--dry-run").out)
    assert planned["dry_run"] is True
    assert planned["commit"] is None
    assert not Path("demo").exists()
    made = document(forge("new", "demo", "--json").out)
    assert planned["files"] == made["files"]


def test_options_and_version_are_documents(forge: Forge) -> None:
    assert document(forge("--version", "--json").out) == {"version": __version__, "template": template().revision}
    assert document(forge("options", "--json").out).keys() == {"questions", "computed", "refused"}


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["new", "demo", "--broker", "kafka"], 2, "`broker` must be one of: redis, rabbitmq."),
        (["new", "demo", "--brokr", "x"], 2, "No such option: --brokr (Possible options: --broker, --docker)"),
        (["new"], 2, "The project needs a name. Pass DEST or --project-name."),
        (["options", "extra"], 2, "Got unexpected extra argument(s) (extra)"),
        (["nwe"], 2, "No such command 'nwe'. Did you mean 'new'?"),
        ([], 2, "--json goes after the command, as in `forge options --json`."),
        (["new", "/dev/null/demo"], 1, "`/dev/null` is a file. Pick another name."),
    ],
)
def test_an_error_is_a_document(forge: Forge, args: list[str], code: int, message: str) -> None:
    ran = forge(*args, "--json")
    assert (ran.code, ran.err) == (code, "")
    assert document(ran.out) == {"error": {"message": message, "exit_code": code}}
