"""A template of a few files with two releases, for what can go wrong in an update."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import git

QUESTIONS = """\
_min_copier_version: "9.18.0"
_subdirectory: template
_envops:
  undefined: jinja2.StrictUndefined
  keep_trailing_newline: true
_skip_if_exists: [.env]
_exclude:
  - |
    {% if not extra %}
    /extra
    {% endif %}
  - |
    {% if _copier_operation == "update" %}
    /mine.py
    /extra/mine.py
    {% endif %}

project_name:
  type: str
  help: Name

extra:
  type: bool
  help: More
  default: false

slug:
  type: str
  when: false
  default: "{{ project_name | lower }}"
"""
LEVEL = """
level:
  type: str
  help: How much
  default: low
  choices: [low, high]
"""
LINES = "".join(f"line {number}\n" for number in range(1, 31))
FIRST = {
    "copier.yml": QUESTIONS,
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n\n- The first.\n",
    "template/{{ _copier_conf.answers_file }}.jinja": "# Answers.\n{{ _copier_answers | to_nice_yaml -}}\n",
    "template/.gitignore": ".env\n*.log\n",
    "template/README.md.jinja": "# {{ project_name }}\n" + LINES,
    "template/code.py": LINES,
    "template/old_name.py": LINES.replace("line", "step"),
    "template/gone.py": LINES.replace("line", "word"),
    "template/gone_too.py": "x = 1\n",
    "template/left.py": "y = 1\n",
    "template/mine.py": "z = 1\n",
    "template/tool.sh": "#!/bin/sh\n",
    "template/deep/er/only.py": "d = 1\n",
    "template/extra/mine.py": "e = 1\n",
    "template/extra/ours.py": "o = 1\n",
}
CHANGES: dict[str, str | None] = {
    "copier.yml": QUESTIONS.replace("\nslug:", f"{LEVEL}\nslug:"),
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-02-01\n\n- The second.\n\n"
    "## [1.0.0] - 2026-01-01\n\n- The first.\n",
    "template/README.md.jinja": "# {{ project_name }}\n" + LINES.replace("line 5\n", "line five\n"),
    "template/code.py": LINES.replace("line 20\n", "line twenty\n"),
    "template/old_name.py": None,
    "template/new_name.py": LINES.replace("line", "step").replace("step 3\n", "step three\n"),
    "template/gone.py": None,
    "template/gone_too.py": None,
    "template/left.py": "y = 2\n",
    "template/mine.py": "z = 2\n",
    "template/added.py": "a = 1\n",
    "template/wide/r/added.py": "w = 1\n",
    "template/deep/er/only.py": None,
    "template/level.txt.jinja": "{{ level }}\n",
}


def make(folder: Path) -> Path:
    """Make the template's repository, with the releases v1.0.0 and v1.1.0."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    release(folder, "v1.0.0", FIRST)
    release(folder, "v1.1.0", CHANGES)
    return folder


def release(folder: Path, name: str, files: dict[str, str | None] | dict[str, str]) -> None:
    """Write files, take out those that are None, commit and tag."""
    for path, text in files.items():
        if text is None:
            (folder / path).unlink()
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    (folder / "template/tool.sh").chmod(0o755)
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", name)
    git(folder, "tag", name)
