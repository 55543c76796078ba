"""What is installed from the wheel makes the same project as the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from forge_cli import __version__

from .conftest import ROOT, Forge, tree

BUILT_FROM = ["LICENSE", "README.md", "copier.yml", "generator", "pyproject.toml", "template"]
UV = [sys.executable, "-m", "uv"]
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a download, without a history, in which tools have left their traces."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    (source / ".gitignore").write_text("*.example*\n.env*\n")
    (source / "template" / ".gitkeep").touch()
    for trace in ("template/app/__pycache__/x.pyc", "template/.ruff_cache/x", "generator/forge_cli/__pycache__/x.pyc"):
        (source / trace).parent.mkdir(parents=True, exist_ok=True)
        (source / trace).touch()
    subprocess.run([*UV, "build", "--quiet", "--out-dir", source / "dist", source], check=True)
    return next((source / "dist").glob("*.whl"))


def test_the_wheel_holds_the_template_dot_files_included_and_no_traces(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    template = {path for path in tree(ROOT / "template") if (ROOT / "template" / path).is_file()}
    clean = {path for path in template if "__pycache__" not in path and "_cache/" not in path}
    packaged = {name for name in names if name.startswith("forge_cli/_template/")}
    assert packaged == {
        "forge_cli/_template/copier.yml",
        "forge_cli/_template/template/.gitkeep",
        *(f"forge_cli/_template/template/{path}" for path in clean),
    }
    assert {"forge_cli/py.typed", "forge_cli/presets/minimal.yml", "forge_cli/presets/standard.yml"} < names
    assert "forge_cli/doctor/probe/__init__.py" in names  # which runs outside Forge's own environment
    assert {name.split("/")[0] for name in names} == {"forge_cli", f"forge_fastapi_celery-{__version__}.dist-info"}


def test_the_installed_wheel_makes_the_same_project(wheel: Path, forge: Forge, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, venv], check=True)
    python = venv / "bin" / "python"
    subprocess.run([*UV, "pip", "install", "--quiet", "--python", python, wheel], check=True)

    args = ["-y", "-d", "project_name=demo", "--no-git", "--broker", "rabbitmq", "--database", "mysql"]
    subprocess.run(
        [venv / "bin" / "forge", "new", "installed", *args], check=True, env={**os.environ, "PYTHONPATH": ""}
    )
    forge("new", "checked-out", *args)
    Path("installed/.gitkeep").unlink()
    for answers in Path().glob("*/.copier-answers.yml"):
        answers.write_text("".join(line for line in answers.open() if not line.startswith("_")))
    subprocess.run(["diff", "--recursive", "installed", "checked-out"], check=True)
