"""Where a project goes, what is never overwritten, and what a failure leaves behind: nothing."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Forge, command, run, tree


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """What is in a directory, down to the identity of each file."""
    return {path: (stat.st_ino, stat.st_mode) for path in tree(folder) if (stat := (folder / path).lstat())}


def refused(forge: Forge, message: str, *args: str | Path) -> None:
    """The command fails with the message, and nothing has changed."""
    before = state(Path())
    ran = forge("new", *args, "-y", "--no-git")
    assert (ran.code, ran.out, ran.err) == (1, "", f"error: {message}\n")
    assert state(Path()) == before


def test_a_directory_that_is_not_empty_is_refused(forge: Forge) -> None:
    Path("acme").mkdir()
    Path("acme/notes.txt").write_text("mine")
    refused(forge, "`acme` is not empty. Pick another name, or pass --force.", "acme")
    refused(forge, "`acme` is not empty. Pick another name, or pass --force.", "acme", "--dry-run")
    refused(forge, "`acme` is not empty. Pick another name, or pass --force.", "--project-name", "Acme")


def test_a_file_is_refused(forge: Forge) -> None:
    Path("acme").touch()
    refused(forge, "`acme` is a file. Pick another name.", "acme")
    refused(forge, "`acme` is a file. Pick another name.", "acme", "--force")
    refused(forge, "`acme` is a file. Pick another name.", "acme/some/where")


def test_a_broken_link_is_refused(forge: Forge) -> None:
    Path("acme").symlink_to("nowhere")
    refused(forge, "`acme` is a link that leads nowhere. Remove it, or pick another name.", "acme", "--force")


def test_a_project_is_not_made_over_another(forge: Forge) -> None:
    forge("new", "acme", "-y", "--no-git")
    refused(forge, "`acme` is a project already. Change it with `forge update`.", "acme")
    refused(forge, "`acme` is a project already. Change it with `forge update`.", "acme", "--force")


def test_an_empty_directory_is_filled(forge: Forge) -> None:
    Path("acme").mkdir(mode=0o750)
    assert forge("new", "acme", "-y").code == 0
    assert Path("acme/README.md").is_file()
    assert Path("acme/.git").is_dir()
    assert Path("acme").stat().st_mode & 0o777 == 0o750


def test_a_new_directory_has_the_permissions_of_any_other(forge: Forge) -> None:
    forge("new", "acme", "-y", "--no-git")
    Path("other").mkdir()
    assert Path("acme").stat().st_mode == Path("other").stat().st_mode


def test_a_link_to_an_empty_directory_is_filled_and_stays_a_link(forge: Forge) -> None:
    Path("real").mkdir()
    Path("acme").symlink_to("real")
    assert forge("new", "acme", "-y", "--no-git").code == 0
    assert Path("acme").is_symlink()
    assert Path("real/README.md").is_file()


def test_with_force_no_file_is_overwritten(forge: Forge) -> None:
    Path("acme/app").mkdir(parents=True)
    Path("acme/notes.txt").write_text("mine")
    Path("acme/README.md").write_text("mine")
    Path("acme/app/__init__.py").write_text("mine")
    Path("acme/pyproject.toml").symlink_to("/nowhere/at/all")

    ran = forge("new", "acme", "-y", "--force")

    assert ran.code == 0
    assert "\nKept as they were: README.md, app/__init__.py, pyproject.toml.\n" in ran.out
    assert "\nThe directory held files before, so git was not touched.\n" in ran.out
    for name in ("notes.txt", "README.md", "app/__init__.py"):
        assert (Path("acme") / name).read_text() == "mine"
    assert str(Path("acme/pyproject.toml").readlink()) == "/nowhere/at/all"
    assert Path("acme/app/main.py").is_file()
    assert Path("acme/.gitignore").is_file()
    assert not Path("acme/.git").exists()
    assert not list(Path("acme").glob(".forge-*"))


def test_with_force_a_dry_run_lists_what_would_be_made_and_makes_nothing(forge: Forge) -> None:
    Path("acme").mkdir()
    Path("acme/README.md").write_text("mine")
    shown = forge("new", "acme", "-y", "--force", "--dry-run").out.splitlines()
    assert "README.md" not in shown
    assert "pyproject.toml" in shown
    assert tree(Path()) == ["acme", "acme/README.md"]


def test_a_link_inside_the_destination_leads_no_write_out_of_it(forge: Forge, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Path("acme").mkdir()
    Path("acme/app").symlink_to(outside)
    message = "`acme/app` is in the way of a directory of the project. Move it, or pick another name."
    refused(forge, message, "acme", "--force")
    assert tree(outside) == []


def test_a_file_in_place_of_a_directory_is_refused_and_the_other_way_round(forge: Forge) -> None:
    Path("acme").mkdir()
    Path("acme/app").touch()
    message = "`acme/app` is in the way of a directory of the project. Move it, or pick another name."
    refused(forge, message, "acme", "--force")
    Path("acme/app").unlink()
    Path("acme/README.md").mkdir()
    message = "`acme/README.md` is in the way of a file of the project. Move it, or pick another name."
    refused(forge, message, "acme", "--force")


def test_a_move_that_fails_half_way_is_taken_back(forge: Forge) -> None:
    Path("acme/tests").mkdir(parents=True)
    Path("acme/notes.txt").write_text("mine")
    if subprocess.run(["mount", "-t", "tmpfs", "none", "acme/tests"], check=False).returncode:
        pytest.skip("only root may mount a disk, into which nothing can be renamed")
    try:
        refused(forge, "`acme` cannot be made: Invalid cross-device link.", "acme", "--force")
    finally:
        subprocess.run(["umount", "acme/tests"], check=True)


def big(checkout: Path) -> None:
    """A template that takes a few seconds, to be interrupted half-way."""
    for number in range(1500):
        (checkout / "template" / f"{number}.txt.jinja").write_text("{{ project_name }}\n")


@pytest.mark.parametrize(
    ("number", "place"),
    [
        (signal.SIGINT, "some/where/acme"),
        (signal.SIGTERM, "some/where/acme"),
        (signal.SIGHUP, "some/where/acme"),
        (signal.SIGINT, "empty"),
    ],
)
def test_an_interrupted_run_exits_130_and_leaves_nothing(checkout: Path, number: signal.Signals, place: str) -> None:
    big(checkout)
    Path("empty").mkdir()
    process = subprocess.Popen(command("new", place, "-y", checkout=checkout), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list(Path().glob("**/.forge-*/project/*.txt")):
        assert process.poll() is None, "it was over before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    process.send_signal(number)  # nobody presses Ctrl-C once
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "error: Interrupted.\n")
    assert tree(Path()) == ["empty"]


def test_a_job_in_the_background_heeds_sigterm(checkout: Path) -> None:
    big(checkout)
    script = 'trap "" INT; exec "$@"'  # as shells do for `forge new &` in a script
    process = subprocess.Popen(["bash", "-c", script, "-", *command("new", "acme", "-y", checkout=checkout)])
    while not list(Path().glob(".forge-*/project/*.txt")):
        assert process.poll() is None, "it was over before it could be interrupted"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert tree(Path()) == []


def test_a_process_that_ignores_hang_ups_goes_on(checkout: Path) -> None:
    script = 'trap "" HUP; exec "$@"'
    process = subprocess.Popen(["bash", "-c", script, "-", *command("new", "acme", "-y", checkout=checkout)])
    while not list(Path().glob(".forge-*")) and process.poll() is None:
        time.sleep(0.001)
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.001)
    assert process.returncode == 0
    assert Path("acme/README.md").is_file()


def test_a_disk_quota_is_one_sentence_and_leaves_nothing(checkout: Path) -> None:
    (checkout / "template" / "big.txt").write_bytes(b"x" * 100_000)
    script = 'ulimit -f 64; exec "$@"'
    done = subprocess.run(
        ["bash", "-c", script, "-", *command("new", "some/acme", "-y", checkout=checkout)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: `some/acme` cannot be made: File too large.\n"
    assert tree(Path()) == []


def test_two_runs_at_once_make_one_project(checkout: Path) -> None:
    line = command("new", "acme", "-y", "--no-git", checkout=checkout)
    both = [subprocess.Popen(line, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    results = sorted((process.wait(timeout=60), process.stderr.read() if process.stderr else "") for process in both)
    assert [code for code, _ in results] == [0, 1]
    assert results[1][1] in {
        "error: `acme` is not empty. Pick another name, or pass --force.\n",
        "error: `acme` cannot be made: Directory not empty.\n",  # it was there at the very last moment
    }
    assert tree(Path()) == ["acme", "acme/README.md"]


def test_a_working_directory_that_is_gone_is_one_sentence() -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()
    ran = run("new", "acme", "-y")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert ran.err.startswith("error: ")


@pytest.mark.parametrize("name", ["a:b", "what?", "100%", "two\nlines"])
def test_a_path_that_no_environment_and_no_address_can_hold_is_refused(name: str, forge: Forge) -> None:
    Path(name).mkdir()
    ran = forge("new", f"{name}/demo", "-y")
    assert ran.code == 1
    assert ran.err.startswith(f"error: The path `{Path.cwd()}/{name}"[:30])
    assert ran.err.endswith("Pick another place.\n")
    assert not list(Path(name).iterdir())
