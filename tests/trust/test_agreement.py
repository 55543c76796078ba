"""What the user has agreed to happens, and what they have not does not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from forge_cli import questions
from forge_cli.cli import main
from tests.trust.ground import Ground, Link
from tests.trust.made import honest_template, project_of
from tests.trust.projects import HOOKS, SETTINGS
from tests.trust.templates import LINKS, QUESTIONS
from tests.updates.conftest import content
from tests.updates.small import FIRST

ADDRESSES = [
    "fd::0",
    "fd::17",
    "ext::@RUN@ %S",
    "evil::x",
    "--upload-pack=@RUN@",
    "-u@RUN@",
    "ssh://-oProxyCommand=@RUN@/x",
]
PYTHON = "#!/bin/sh\nexec @RUN@\n"


@pytest.fixture(scope="module")
def template(ground: Ground) -> Path:
    return honest_template(ground)


@pytest.fixture(scope="module")
def demo(ground: Ground, template: Path) -> Path:
    return project_of(ground, template)


@pytest.fixture
def project(ground: Ground, demo: Path, tmp_path: Path) -> Path:
    """A copy of the project, into whose files git has not looked since."""
    place = Path(shutil.copytree(demo, ground.work / tmp_path.name / "demo"))
    (place / "code.py").touch()
    return place


def ran(ground: Ground) -> bool:
    """Whether the program that leaves a mark has run; the mark is removed."""
    mark = ground.root / "ran" / "mark"
    found = mark.exists()
    mark.unlink(missing_ok=True)
    return found


def commit(ground: Ground, project: Path, *files: str) -> None:
    ground.git(project, "add", "--force", *(files or ["--all"]))
    ground.git(project, "commit", "--quiet", "--message", "Change")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_runs_nothing_and_keeps_nobody_waiting(ground: Ground, tmp_path: Path, address: str) -> None:
    made = ground.run("new", tmp_path / "made", "-y", "--template", ground.filled_in(address))
    assert made.code in (1, 2)
    assert made.said.startswith("error: ")
    assert not ran(ground)
    assert not (tmp_path / "made").exists()


def test_the_users_own_filter_works(ground: Ground, project: Path) -> None:
    """As Git LFS does, which people install for every repository of theirs."""
    upper = {"GIT_CONFIG_GLOBAL": str(ground.home / "with-filter")}
    shutil.copy(ground.home / "gitconfig", ground.home / "with-filter")
    ground.git(project, "config", "--file", upper["GIT_CONFIG_GLOBAL"], "filter.x.clean", "tr a-z A-Z")
    ground.git(project, "config", "filter.x.clean", ground.filled_in("@RUN@"))  # which takes nothing from it
    ground.write(project, {".gitattributes": "code.py filter=x\n"})
    ground.git(project, "-c", "filter.x.clean=tr a-z A-Z", "add", "--renormalize", ".")
    ground.git(project, "-c", "filter.x.clean=tr a-z A-Z", "add", "--all")
    ground.git(project, "-c", "filter.x.clean=tr a-z A-Z", "commit", "--quiet", "--message", "Filter")
    (project / "README.md").touch()
    (project / "code.py").touch()
    checked = ground.run("update", "--dry-run", folder=project, **upper)
    assert checked.code == 0, checked.said  # or git would have found the file changed
    assert not ran(ground)


def test_a_filter_of_the_projects_own_runs_once_the_user_trusts_it(ground: Ground, project: Path) -> None:
    ground.write(project, {".gitattributes": "code.py filter=x\n"})
    commit(ground, project)
    ground.git(project, "config", "filter.x.clean", ground.filled_in("@RUN@"))
    (project / "code.py").touch()
    refused = ground.run("update", "--yes", folder=project)
    assert refused.code == 1
    assert "`filter.x.clean`" in refused.said
    assert f"`forge trust {project.resolve()}`." in refused.said
    assert not ran(ground)
    assert ground.run("trust", folder=project).code == 0
    ground.run("update", "--dry-run", folder=project)
    assert ran(ground)
    assert ground.run("trust", "--revoke", folder=project).code == 0
    (project / "code.py").touch()
    assert ground.run("update", "--dry-run", folder=project).code == 1
    assert not ran(ground)


def test_a_projects_own_code_runs_once_the_user_trusts_it(ground: Ground, project: Path) -> None:
    ground.write(project, {".venv/bin/python": PYTHON, ".gitignore": ".venv\n"})
    (project / ".venv/bin/python").chmod(0o755)
    looked = ground.run("doctor", folder=project)
    assert looked.code == 1
    assert (
        "\nproblem  The project's own code was not run, because you have not said that you trust it.\n" in looked.said
    )
    assert not ran(ground)
    assert ground.run("trust", project).code == 0
    ground.run("doctor", folder=project)
    assert ran(ground)


@pytest.mark.parametrize("name", [".venv", ".VENV", "elsewhere"])
def test_an_interpreter_that_is_committed_never_runs(ground: Ground, project: Path, name: str) -> None:
    ground.write(project, {f"{name}/bin/python": PYTHON})
    (project / name / "bin/python").chmod(0o755)
    commit(ground, project, name)
    if name != ".venv":
        (project / ".venv").symlink_to(name)  # as a file system does that does not tell cases apart
    assert ground.run("trust", project).code == 0
    looked = ground.run("doctor", folder=project)
    assert looked.code == 1
    assert f"`{name}/bin/python` is committed" in looked.said
    assert not ran(ground)


def test_no_interpreter_above_the_project_runs(ground: Ground, project: Path) -> None:
    ground.write(
        project.parent, {".venv/bin/python": PYTHON, ".venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.13.0\n"}
    )
    (project.parent / ".venv/bin/python").chmod(0o755)
    tools = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    looked = ground.run("doctor", folder=project, PATH=tools)
    assert "ok       uv " in looked.said
    assert not ran(ground)


def test_what_forge_has_made_of_its_own_template_is_trusted_and_what_another_has_made_is_not(
    ground: Ground, demo: Path
) -> None:
    own = ground.work / "own"
    assert ground.run("new", own, "-y", "--no-git").code == 0
    assert "not said that you trust it" not in ground.run("doctor", own).said
    assert "not said that you trust it" in ground.run("doctor", demo).said
    copy = Path(shutil.copytree(own, ground.work / "copy"))
    assert "not said that you trust it" in ground.run("doctor", copy).said


def test_settings_of_copier_let_no_template_run_anything(ground: Ground, tmp_path: Path) -> None:
    place = ground.root / "with-tasks"
    ground.release(place, "v1.0.0", {**FIRST, "copier.yml": f"_tasks: ['@RUN@']\n{QUESTIONS}"})
    settings = tmp_path / "settings.yml"
    settings.write_text("trust: [/, /tmp/, /var/]\n")
    made = ground.run("new", "tasked", "-y", "--template", place, COPIER_SETTINGS_PATH=str(settings))
    assert made.code == 1
    assert "Forge runs none" in made.said
    assert not ran(ground)


def test_links_that_stay_in_the_project_come_and_go_with_an_update(ground: Ground) -> None:
    place, made = ground.root / "with-links", ground.work / "linked"
    ground.release(
        place, "v1.0.0", {**FIRST, **LINKS, "template/a": Link("code.py"), "template/deep/b": Link("../left.py")}
    )
    ground.release(place, "v1.1.0", {**FIRST, **LINKS, "template/a": Link("left.py"), "template/c": Link("deep/er")})
    assert ground.run("new", made, "-y", "--template", place, "--vcs-ref", "v1.0.0").code == 0
    assert (made / "a").readlink() == Path("code.py")
    assert ground.run("update", made, "--yes").code == 0
    assert (made / "a").readlink() == Path("left.py")
    assert (made / "c").readlink() == Path("deep/er")
    assert not (made / "deep/b").is_symlink()
    before = ground.git(made, "status", "--porcelain")
    assert ground.run("update", made, "--abort").code == 0
    assert before
    assert not ground.git(made, "status", "--porcelain")


@pytest.mark.parametrize("way", ["file becomes directory", "directory becomes file"])
def test_a_file_and_a_directory_change_places_and_back(ground: Ground, way: str) -> None:
    place, made = ground.root / way, ground.work / way
    one = {**FIRST, "template/x": "x = 1\n"}
    other = {**FIRST, "template/x/y": "y = 1\n", "template/x/z": "z = 1\n"}
    before, after = (one, other) if way.startswith("file") else (other, one)
    ground.release(place, "v1.0.0", before)
    ground.release(place, "v1.1.0", after)
    assert ground.run("new", made, "-y", "--template", place, "--vcs-ref", "v1.0.0").code == 0
    was = content(made)
    updated = ground.run("update", made, "--yes")
    assert updated.code == 0, updated.said
    assert (made / "x").is_dir() == way.startswith("file")
    assert ground.run("update", made, "--abort").code == 0
    assert content(made) == was


def test_what_would_go_through_a_link_is_told_to_stay_the_users_own(ground: Ground, project: Path) -> None:
    ground.write(project, {".gitignore": "wide\n"})
    commit(ground, project)
    (project / "wide").symlink_to(ground.root / "sibling")
    before = ground.outside()
    updated = ground.run("update", "--yes", folder=project)
    assert updated.code == 0, updated.said
    assert "own" in next(line for line in updated.said.splitlines() if "wide/r/added.py" in line)
    assert ground.outside() == before


def test_abort_removes_nothing_through_a_link_that_came_since(ground: Ground, project: Path) -> None:
    assert ground.run("update", "--yes", folder=project).code == 0
    moved = ground.root / "sibling" / "moved"
    shutil.move(project / "wide", moved)
    (project / "wide").symlink_to(moved)
    aborted = ground.run("update", "--abort", folder=project)
    assert aborted.code == 1
    assert f"`{project / 'wide'}` is not a directory of its own." in aborted.said
    assert (moved / "r/added.py").exists()
    (project / "wide").unlink()
    shutil.move(moved, project / "wide")
    assert ground.run("update", "--abort", folder=project).code == 0
    assert not (project / "wide").exists()


def test_what_nobody_has_foreseen_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(questions, "refused_pairs", fail)
    assert main(["options"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: This is a defect of Forge (ZeroDivisionError: of all things). Please report it")
    assert len(said.splitlines()) == 1
    monkeypatch.setenv("FORGE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["options"])


@pytest.mark.parametrize("kind", ["with objects", "without objects", "bare", "bare, without objects"])
def test_a_templates_own_repository_runs_nothing(ground: Ground, template: Path, tmp_path: Path, kind: str) -> None:
    """As a directory that somebody has unpacked."""
    place = tmp_path / "template"
    repository = place if kind.startswith("bare") else place / ".git"
    ground.git(
        tmp_path, "clone", "--quiet", *(["--bare"] if kind.startswith("bare") else []), str(template), str(place)
    )
    for name, value in SETTINGS.items():
        ground.git(place, "config", name, ground.filled_in(value))
    ground.write(repository, {f"hooks/{name}": "#!/bin/sh\nexec @RUN@\n" for name in HOOKS})
    for name in HOOKS:
        (repository / "hooks" / name).chmod(0o755)
    if kind.endswith("without objects"):
        for pack in repository.glob("objects/pack/*"):
            pack.unlink()
        for file in repository.glob("objects/??/*"):
            file.unlink()
    made = ground.run("new", tmp_path / "made", "-y", "--template", place)
    assert not ran(ground)
    assert made.code == (1 if kind.endswith("without objects") else 0), made.said


@pytest.mark.matrix
@pytest.mark.parametrize(
    "name", [" a", "a ", "a%2Fb", "..%2F..%2Fx", "-x", "a\nb", 'a"b', "\u00e9", "~", "*", "[x]", ":(top)", "\\"]
)
def test_a_directory_of_any_name_is_updated_and_taken_back(
    ground: Ground, demo: Path, tmp_path: Path, name: str
) -> None:
    place = tmp_path / "repository"
    project = Path(shutil.copytree(demo, place / name, ignore=shutil.ignore_patterns(".git")))
    (project / "code.py").write_text((project / "code.py").read_text().replace("line 20\n", "line twenty-one\n"))
    ground.git(place, "init", "--quiet")
    ground.git(place, "add", "--all", "--force")
    ground.git(place, "commit", "--quiet", "--message", "Start")
    before = content(place)
    updated = ground.run("update", "--yes", folder=project)
    assert updated.code == 3, updated.said
    assert ground.git(place, "ls-files", "--unmerged", "-z").count(f"\t{name}/code.py\0") == 3
    assert ground.run("update", "--abort", folder=project).code == 0
    assert content(place) == before
    assert not ground.git(place, "status", "--porcelain")
