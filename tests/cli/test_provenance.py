"""A project says which version of which template it was made from, in a way that Copier and colleagues understand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from . import origins
from .conftest import Forge, Ran, git, run, tree
from .origins import clone, install, installed, recorded, works

COPIER = Path(sys.executable).parent / "copier"
SECRET = "s3cret-t0ken"
ADDRESS = f"https://ada:{SECRET}@forge.invalid/team/forge"
WITHOUT = "git+https://forge.invalid/team/forge"

pytestmark = pytest.mark.matrix


def described(folder: Path) -> str:
    return git(folder, "describe", "--tags")


@pytest.fixture
def dirty(origin: Path, tmp_path: Path) -> Path:
    """A checkout with a change that is not committed, and no origin."""
    checkout = clone(origin, tmp_path / "dirty")
    git(checkout, "remote", "remove", "origin")
    (checkout / "template" / "greeting.txt").write_text("Good night.\n")
    return checkout


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pip of its own; that of the tests may be uv."""
    works(sys.executable, "-m", "venv", tmp_path_factory.mktemp("pip") / "venv")
    return tmp_path_factory.getbasetemp() / "pip0" / "venv" / "bin" / "pip"


def with_pip(pip: Path, what: str | Path, folder: Path) -> Path:
    works(pip, "install", "--quiet", "--no-deps", "--target", folder, what)
    return folder


def copier(*args: str | Path, cwd: Path | None = None) -> Ran:
    """Copier as somebody without Forge calls it."""
    home = Path.cwd() / "copier-cache"
    return works(COPIER, *args, cwd=cwd, env={"COPIER_CACHE_DIR": str(home)})


def planned(checkout: Path) -> dict[str, Any]:
    """What `forge new` of a checkout would make."""
    return dict(json.loads(run("new", "planned", "--dry-run", "--json", checkout=checkout).out))


def committed(project: Path) -> Path:
    if not (project / ".git").exists():
        git(project, "init", "--quiet")
    origins.commit(project, "Begin")
    return project


def test_forge_from_uv_records_the_repository_that_it_was_installed_from(origin: Path, tmp_path: Path) -> None:
    env = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    works(*origins.UV, "tool", "install", "--quiet", f"git+file://{origin}", env=env)
    forge = tmp_path / "bin" / "forge"
    assert works(forge, "--version").out == f"forge 1.2.0.dev0 (template {described(origin)})\n"
    works(forge, "new", "demo", "-y")
    assert recorded(Path("demo")) == [f"_commit: {described(origin)}", f"_src_path: {origin}"]
    works(forge, "new", "old", "-y", "--vcs-ref", "v1.0.0")
    assert recorded(Path("old")) == ["_commit: v1.0.0", f"_src_path: {origin}"]


def test_forge_from_pip_records_the_repository_that_it_was_installed_from(
    origin: Path, pip: Path, tmp_path: Path
) -> None:
    forge = with_pip(pip, f"git+file://{origin}@v1.1.0", tmp_path / "forge")
    assert installed(forge, "new", "demo", "-y").code == 0
    assert recorded(Path("demo")) == ["_commit: v1.1.0", f"_src_path: {origin}"]
    assert "v1.0.0, v1.1.0." in origins.carried(forge)


def test_a_remote_with_a_password_is_recorded_without(origin: Path, pip: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout")
    git(checkout, "remote", "set-url", "origin", ADDRESS)
    forge = with_pip(pip, checkout, tmp_path / "forge")
    ran = installed(forge, "new", "demo", "-y", "--json")
    assert json.loads(ran.out)["template"] == {"address": WITHOUT, "revision": described(origin)}
    assert recorded(Path("demo")) == [f"_commit: {described(origin)}", f"_src_path: {WITHOUT}"]
    wheel, said = origins.build(checkout, tmp_path / "dist", "--wheel")
    origins.unpacked(wheel, tmp_path / "wheel")
    written = [path for folder in (forge, Path("demo"), tmp_path / "wheel") for path in folder.rglob("*")]
    assert SECRET not in ran.out + ran.err + said
    assert not [path for path in written if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_a_checkout_without_a_remote_is_recorded_as_a_path(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout")
    git(checkout, "remote", "remove", "origin")
    forge = install(checkout, tmp_path / "forge")
    assert installed(forge, "new", "demo", "-y").code == 0
    assert recorded(Path("demo")) == [f"_commit: {described(origin)}", f"_src_path: {checkout}"]


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/team/forge", "https://github.com/team/forge"),
        ("https://token@github.com/team/forge.git", "https://github.com/team/forge.git"),
        ("https://forge.invalid/team/forge/?private_token=x", "git+https://forge.invalid/team/forge"),
        ("http://ada:x@forge.invalid:8080/forge", "git+http://forge.invalid:8080/forge"),
        ("git@forge.invalid:team/forge.git", "git@forge.invalid:team/forge.git"),
        ("forge.invalid:team/forge", "git+forge.invalid:team/forge"),
        ("ssh://git:x@forge.invalid/team/forge", "git+ssh://git@forge.invalid/team/forge"),
        ("git://forge.invalid/team/forge", "git://forge.invalid/team/forge"),
        ("file:///srv/my%20forge", "/srv/my forge"),
        ("../other", "{parent}/other"),
    ],
)
def test_the_remote_of_a_checkout_is_recorded_as_copier_takes_it(
    checkout: Path, tmp_path: Path, remote: str, address: str
) -> None:
    committed(checkout)
    git(checkout, "remote", "add", "origin", remote)
    assert planned(checkout)["template"]["address"] == address.format(parent=tmp_path)


def test_a_version_with_the_template_of_a_release_has_its_name(origin: Path, tmp_path: Path) -> None:
    checkout = clone(origin, tmp_path / "checkout", "--no-tags")
    git(checkout, "reset", "--quiet", "--hard", "HEAD~1")  # the release has been recorded since
    assert run("--version", "--json", checkout=checkout).out == (
        '{\n  "version": "1.2.0.dev0",\n  "template": "v1.1.0"\n}\n'
    )


def test_another_template_is_named_on_the_command_line_or_by_the_environment(
    origin: Path, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = clone(origin, tmp_path / "work" / "other")
    assert forge("new", "by-option", "-y", "--template", "other").code == 0
    assert recorded(Path("by-option")) == ["_commit: v1.1.0", f"_src_path: {other}"]
    assert Path("by-option/greeting.txt").read_text() == "Welcome.\n"
    monkeypatch.setenv("FORGE_TEMPLATE", f"file://{origin}")
    assert forge("new", "by-variable", "-y").code == 0
    assert recorded(Path("by-variable")) == ["_commit: v1.1.0", f"_src_path: {origin}"]
    assert forge("new", "by-both", "-y", "--template", f"git+file://{other}", "--vcs-ref", "main").code == 0
    assert recorded(Path("by-both")) == [f"_commit: {described(origin)}", f"_src_path: {other}"]
    assert git(Path("by-both"), "status", "--porcelain") == ""


def test_a_template_without_releases_is_taken_as_it_is(forge: Forge, checkout: Path) -> None:
    git(checkout, "init", "--quiet", "--initial-branch", "main")
    (checkout / "template" / "{{ _copier_conf.answers_file }}.jinja").write_text(
        "# Answers\n{{ _copier_answers|to_yaml }}"
    )
    sha = origins.commit(checkout, "Begin")
    assert forge("new", "demo", "-y", "--template", checkout).code == 0
    assert recorded(Path("demo")) == [f"_commit: {sha}", f"_src_path: {checkout}"]


def test_a_bare_repository_is_recorded_as_copier_takes_it(origin: Path, forge: Forge, tmp_path: Path) -> None:
    clone(origin, tmp_path / "bare", "--bare")
    assert forge("new", "demo", "-y", "--template", tmp_path / "bare", "--vcs-ref", "v1.0.0").code == 0
    assert recorded(Path("demo"))[1] == f"_src_path: git+file://{tmp_path}/bare"
    checked = json.loads(copier("check-update", "--output-format", "json", cwd=Path("demo")).out)
    assert (checked["current_version"], checked["latest_version"]) == ("1.0.0", "1.1.0")


def test_another_template_asks_its_own_questions(origin: Path, forge: Forge, tmp_path: Path) -> None:
    other = clone(origin, tmp_path / "other")
    questions = (other / "copier.yml").read_text()
    motto = "motto:\n  type: str\n  default: none\n  validator: '{% if motto == \"x\" %}No x.{% endif %}'\n\n"
    (other / "copier.yml").write_text(questions.replace("slug:\n", f"{motto}slug:\n", 1))
    origins.commit(other, "Ask for a motto")
    options = ["-y", "--no-git", "--template", other, "--vcs-ref", "HEAD"]
    assert forge("new", "demo", *options, "-d", "motto=Onwards").code == 0
    assert "motto: Onwards\n" in Path("demo/.copier-answers.yml").read_text()
    refused = forge("new", "other", *options, "-d", "motto=x")
    assert (refused.code, refused.err) == (2, "error: No x.\n")
    assert "`motto` is not a question." in forge("new", "other", "-y", "-d", "motto=x").err


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{tmp}/nowhere", "`{tmp}/nowhere` cannot be read (fatal: repository '{tmp}/nowhere' does not exist)."),
        ("empty", "`{tmp}/work/empty` cannot be read (fatal: repository '{tmp}/work/empty' does not exist)."),
        (
            f"https://ada:{SECRET}@127.0.0.1:9/forge.git?token={SECRET}",
            "`https://127.0.0.1:9/forge.git` cannot be read (fatal: unable to access 'https://127.0.0.1:9/forge.git",
        ),
    ],
)
def test_a_template_that_cannot_be_read_is_one_sentence(forge: Forge, tmp_path: Path, place: str, message: str) -> None:
    Path("empty").mkdir()
    ran = forge("new", "demo", "-y", "--template", place.format(tmp=tmp_path))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {message.format(tmp=tmp_path)}")
    assert ran.err.count("\n") == 1
    assert SECRET not in ran.err
    assert tree(Path()) == ["empty"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"README.md": ""}, "it has no copier.yml"),
        ({"copier.yml": "a: [", "template/a": ""}, "its copier.yml cannot be read"),
        ({"copier.yml": "- a", "template/a": ""}, "its copier.yml cannot be read"),
        ({"copier.yml": "name: {type: str}", "template/a": ""}, "it has no question `project_name`"),
    ],
)
def test_what_is_no_template_of_forge_is_refused(
    forge: Forge, tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    other = tmp_path / "other"
    for name, text in files.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    committed(other)
    ran = forge("new", "demo", "-y", "--template", other)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: `")
    assert ran.err.endswith(f"` is not a template of Forge: {reason}.\n")
    assert tree(Path()) == []


def test_a_git_that_is_wary_of_bare_repositories_reads_templates(
    origin: Path, forge: Forge, checkout: Path, home: Path
) -> None:
    sha = git(committed(checkout), "rev-parse", "HEAD")
    (home / "gitconfig").write_text("[safe]\nbareRepository = explicit\n")
    assert forge("new", "demo", "-y", "--dry-run", "--template", origin).err == ""
    assert planned(checkout)["template"] == {"address": str(checkout), "revision": sha}


def test_a_version_that_is_not_there_is_refused(origin: Path, forge: Forge) -> None:
    ran = forge("new", "demo", "-y", "--template", origin, "--vcs-ref", "v9")
    message = "error: `v9` is not a version of the template. The releases are: v1.0.0, v1.1.0.\n"
    assert (ran.code, ran.err) == (2, message)


def test_another_template_needs_git(origin: Path, tmp_path: Path) -> None:
    ran = run("new", "demo", "-y", "--template", origin, PATH=str(tmp_path))
    message = f"error: git is not installed, so `{origin}` cannot be read. Install git.\n"
    assert (ran.code, ran.out, ran.err) == (1, "", message)


def test_changes_that_are_not_committed_are_in_the_project_and_said(dirty: Path) -> None:
    name = described(dirty)
    note = f"The template has changes that are in no commit. They are in the project, which records {name}."
    assert note in run("new", "demo", "-y", checkout=dirty).out.splitlines()
    assert planned(dirty)["notes"] == [note]
    assert Path("demo/greeting.txt").read_text() == "Good night.\n"
    assert recorded(Path("demo")) == [f"_commit: {name}", f"_src_path: {dirty}"]
    assert git(dirty, "rev-parse", f"{name}^{{commit}}") == git(dirty, "rev-parse", "HEAD")


def test_what_tools_leave_in_a_checkout_is_no_change(checkout: Path) -> None:
    committed(checkout)
    for trace in ("template/app/__pycache__/x.pyc", "template/.some_cache/x", "notes.txt"):
        (checkout / trace).parent.mkdir(parents=True, exist_ok=True)
        (checkout / trace).touch()
    assert planned(checkout)["notes"] == []
    (checkout / "template" / "new.txt").touch()
    assert planned(checkout)["notes"] != []


def test_a_wheel_of_a_changed_checkout_says_so_too(dirty: Path, tmp_path: Path) -> None:
    forge = install(dirty, tmp_path / "forge")
    made = json.loads(installed(forge, "new", "demo", "--json").out)
    assert made["template"] == {"address": str(dirty), "revision": described(dirty)}
    assert made["notes"] == [
        f"The template has changes that are in no commit. They are in the project, which records {described(dirty)}."
    ]
    assert Path("demo/greeting.txt").read_text() == "Good night.\n"


def test_a_project_of_a_changed_checkout_can_be_updated(dirty: Path) -> None:
    assert run("new", "demo", "-y", checkout=dirty).code == 0
    origins.commit(dirty, "Say good night")
    assert origins.release(dirty, "1.2.0").code == 0
    copier("update", "--defaults", "--quiet", cwd=Path("demo"))
    assert recorded(Path("demo")) == ["_commit: v1.2.0", f"_src_path: {dirty}"]
    assert Path("demo/greeting.txt").read_text() == "Good night.\n"


def test_copier_makes_and_updates_a_project_from_a_checkout(origin: Path) -> None:
    copier("copy", "--defaults", "--quiet", "--vcs-ref", "v1.0.0", "-d", "project_name=demo", origin, "demo")
    assert recorded(Path("demo")) == ["_commit: v1.0.0", f"_src_path: {origin}"]
    committed(Path("demo"))
    copier("update", "--defaults", "--quiet", cwd=Path("demo"))
    assert recorded(Path("demo")) == ["_commit: v1.1.0", f"_src_path: {origin}"]
    assert Path("demo/greeting.txt").read_text() == "Welcome.\n"


def test_copier_updates_a_project_that_forge_made(origin: Path, forge: Forge) -> None:
    assert forge("new", "demo", "-y", "--template", origin, "--vcs-ref", "v1.0.0").code == 0
    readme = Path("demo/README.md")
    readme.write_text(f"{readme.read_text()}\nOurs.\n")
    committed(Path("demo"))
    copier("update", "--defaults", "--quiet", cwd=Path("demo"))
    assert recorded(Path("demo")) == ["_commit: v1.1.0", f"_src_path: {origin}"]
    assert Path("demo/greeting.txt").read_text() == "Welcome.\n"
    assert readme.read_text().endswith("Ours.\n")


def test_forge_and_copier_write_the_same_answers_file(origin: Path, forge: Forge) -> None:
    assert forge("new", "made", "-y", "--no-git", "--project-name", "demo", "--template", origin).code == 0
    copier("copy", "--defaults", "--quiet", "-d", "project_name=demo", origin, "copied")
    made, copied = (Path(folder, ".copier-answers.yml").read_text() for folder in ("made", "copied"))
    assert made == copied
