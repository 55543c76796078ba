"""Which version of the template this installation is, and where it comes from. A wheel's build writes that down."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge_cli import TEMPLATE_ADDRESS, addresses, checkouts, git
from forge_cli.errors import ForgeError
from forge_cli.repository import Repository, Revision

# What the build puts beside this module.
PACKAGE = Path(__file__).resolve().parent
BUNDLE = "_releases.bundle"
RECORD = "_provenance.json"


@dataclass(frozen=True)
class Provenance:
    """A template's address and version, and whether it has changes that no commit has. None is for not known."""

    address: str | None
    revision: Revision | None
    changed: bool


def installed() -> Provenance:
    """What this installation was made from: by its build, or by now if it is a checkout."""
    if (PACKAGE / RECORD).is_file():
        built = json.loads((PACKAGE / RECORD).read_text(encoding="utf-8"))
        found = Provenance(built["address"], Revision(**built["revision"]), built["changed"])
    elif checkout := _checkout():
        found = of_checkout(checkout)
    else:
        return Provenance(None, None, changed=False)
    address = _installed_from() or TEMPLATE_ADDRESS or found.address
    return Provenance(addresses.to_record(address) if address else None, found.revision, found.changed)


def of_checkout(checkout: Path) -> Provenance:
    """What a checkout is now."""
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as folder:
        revision = checkouts.copy(checkout, Path(folder)).revision("HEAD")
    return Provenance(checkouts.address(checkout), revision, checkouts.is_changed(checkout))


@contextmanager
def releases_carried() -> Iterator[Repository | None]:
    """The releases that are here without a network.

    Yields:
        A repository for as long as this lasts, which is None where the build had no history.

    Raises:
        ForgeError: If there are releases, and no git to read them.
    """
    with tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True) as folder:
        if (PACKAGE / BUNDLE).is_file():
            yield clone(str(PACKAGE / BUNDLE), Path(folder))
        elif checkout := _checkout():
            yield checkouts.copy(checkout, Path(folder))
        else:
            yield None


def clone(address: str, folder: Path) -> Repository:
    """Copy the repository of a template.

    Args:
        address: A path, a URL or an alias such as `gh:`.
        folder: An empty directory.

    Returns:
        The copy, which is bare.

    Raises:
        ForgeError: If that is not an address, there is no git, or git cannot read what is there.
    """
    addresses.check(address)
    shown = addresses.to_record(address)
    if not git.is_installed():
        raise ForgeError(f"git is not installed, so `{shown}` cannot be read. Install git.")
    cloned = git.run(folder, "clone", "--quiet", "--bare", "--", addresses.to_clone(address), ".git", env=git.online())
    if cloned.returncode:
        reason = addresses.without_credentials(git.reason(cloned)).rstrip(".")
        raise ForgeError(f"`{shown}` cannot be read ({reason}).")
    return Repository(folder)


def _checkout() -> Path | None:
    """The checkout that this module is in, if it is not in a wheel."""
    root = PACKAGE.parents[1]
    return root if checkouts.is_checkout(root) and not (PACKAGE / "_template").is_dir() else None


def _installed_from() -> str | None:
    """The repository that pip or uv installed this from: https://peps.python.org/pep-0610/."""
    for file in PACKAGE.parent.glob("forge_fastapi_celery-*.dist-info/direct_url.json"):
        origin = json.loads(file.read_text(encoding="utf-8"))
        if "vcs_info" in origin:
            return str(origin["url"])
    return None
