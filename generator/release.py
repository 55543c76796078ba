"""Make a release of Forge: `make release VERSION=X.Y.Z`. It commits and tags, all or nothing, and pushes nothing.

The tag is on a commit that has the version and its changelog. The commit after it writes the tag down in releases.txt,
for clones without tags, and begins the next version.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION_FILE = ROOT / "generator" / "forge_cli" / "__init__.py"
RELEASES = ROOT / "generator" / "releases.txt"
CHANGELOG = ROOT / "CHANGELOG.md"
UPDATE = "### What an update changes"
FINAL = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class ReleaseError(Exception):
    """Why there is no release, in one sentence."""


def main(version: str) -> None:
    """Make a release.

    Args:
        version: Its number, such as `0.2.0`.

    Raises:
        ReleaseError: If it cannot be made. Nothing has changed then.
    """
    _check(version)
    changelog = _released(CHANGELOG.read_text(encoding="utf-8"), version)
    branch, start, tag = git("branch", "--show-current"), git("rev-parse", "HEAD"), f"v{version}"
    tagged = False
    try:
        CHANGELOG.write_text(changelog, encoding="utf-8")
        _set_version(version)
        git("commit", "--quiet", "--all", "--message", f"Release {version}")
        git("tag", "--annotate", "--no-sign", "--message", f"Forge {version}", tag)
        tagged = True
        with RELEASES.open("a", encoding="utf-8") as record:
            record.write(f"{tag} {git('rev-parse', 'HEAD')}\n")
        _set_version(_after(version))
        git("commit", "--quiet", "--all", "--message", f"Record release {version}")
    except BaseException:
        git("reset", "--quiet", "--hard", start)
        if tagged:
            git("tag", "--delete", tag)
        raise
    print(f"Made {tag}. To publish it:\n  git push --atomic origin {branch} {tag}")


def git(*arguments: str) -> str:
    """What git prints.

    Raises:
        ReleaseError: If it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or "no reason given"
        raise ReleaseError(f"`git {arguments[0]}` failed ({reason}).")
    return done.stdout.strip()


def _check(version: str) -> None:
    if not FINAL.fullmatch(version):
        raise ReleaseError(f"`{version}` is not the number of a release. Write it as X.Y.Z.")
    if git("status", "--porcelain"):
        raise ReleaseError("The tree has changes that are not committed. Commit them, or put them away.")
    if not git("branch", "--show-current"):
        raise ReleaseError("No branch is checked out. Check out the one to release from.")
    tags = git("tag", "--list", "v*").split()
    if f"v{version}" in tags:
        raise ReleaseError(f"The tag v{version} exists already. Pick the next version.")
    names = [*tags, *(line.split()[0] for line in RELEASES.read_text(encoding="utf-8").splitlines() if line.strip())]
    newest = max(
        (name.removeprefix("v") for name in names if FINAL.fullmatch(name.removeprefix("v"))),
        key=_numbers,
        default="0.0.0",
    )
    if _numbers(version) <= _numbers(newest):
        raise ReleaseError(f"{version} is not newer than {newest}, which is released. Pick a higher version.")


def _released(changelog: str, version: str) -> str:
    """The changelog with the unreleased changes under the version, and room for new ones."""
    heading = "## [Unreleased]\n"
    before, found, rest = changelog.partition(heading)
    changes = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    if not found or not changes.strip():
        raise ReleaseError("CHANGELOG.md has nothing under `## [Unreleased]`. Write what is new.")
    update = changes.partition(f"{UPDATE}\n")[2]
    if not re.split(r"^#", update, maxsplit=1, flags=re.MULTILINE)[0].strip():
        raise ReleaseError(f"CHANGELOG.md has nothing under `{UPDATE}`. Write what `forge update` does to a project.")
    return f"{before}{heading}\n## [{version}] - {datetime.now(UTC):%Y-%m-%d}\n{rest}"


def _set_version(version: str) -> None:
    text, count = re.subn(r'(?<=^__version__ = ")[^"]*', version, VERSION_FILE.read_text("utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise ReleaseError(f"`{VERSION_FILE.relative_to(ROOT)}` has no version to set.")
    VERSION_FILE.write_text(text, encoding="utf-8")


def _after(version: str) -> str:
    major, minor, _ = _numbers(version)
    return f"{major}.{minor + 1}.0.dev0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    try:
        main(" ".join(sys.argv[1:]))
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
