"""Copier takes longer to import than everything else: what does not render does not wait for it."""

import json
import os
import subprocess
import sys

COMMANDS = [
    ["--help"],
    ["--version"],
    ["new", "--help"],
    ["options"],
    ["options", "--json"],
    ["nwe"],
    ["new", "--brokr"],
    ["new", "-y"],
    ["new", "demo", "-y", "--project-name", "../x"],
    ["new", "demo", "-y", "--result-backend", "database", "--database", "none"],
    ["new", "/dev/null/demo", "-y"],
    ["new", "demo", "-y", "--dry-run"],
]
SCRIPT = """
import json, sys
from forge_cli.cli import main
for command in json.loads(sys.argv[1]):
    main(command)
    print("loaded:", *sys.modules, file=sys.stderr)
"""


def loaded(*commands: list[str], **env: str) -> list[set[str]]:
    """The modules that are there after each of the commands, given one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, **env},
    )
    assert "Traceback" not in done.stderr
    lines = [line.split() for line in done.stderr.splitlines()]
    return [set(words[1:]) for words in lines if words[:1] == ["loaded:"]]


def test_only_what_renders_imports_copier() -> None:
    modules = loaded(*COMMANDS)
    assert len(modules) == len(COMMANDS)
    needing = [command for command, names in zip(COMMANDS, modules, strict=True) if "copier" in names]
    assert needing == [COMMANDS[-1]]


def test_help_does_not_import_jinja() -> None:
    [modules] = loaded(["--help"])
    assert "jinja2" not in modules


def test_completion_does_not_import_copier() -> None:
    script = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); import forge_cli.cli as c; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "_FORGE_COMPLETE": "complete_bash", "COMP_WORDS": "forge new --broker ", "COMP_CWORD": "3"},
    )
    offered, modules = done.stdout.split("\n", 2)[:2], set(done.stdout.split())
    assert offered == ["redis", "rabbitmq"]
    assert "forge_cli.cli" in modules
    assert not {"copier", "jinja2"} & modules
