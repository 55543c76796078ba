"""What a build adds: the template's releases as a git bundle, and where the build comes from. The tree stays as it is.

https://hatch.pypa.io/latest/plugins/build-hook/custom/
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The modules of this tree, which is not installed yet and gets no bytecode.
sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

from forge_cli import checkouts, git, provenance  # noqa: E402
from forge_cli.errors import ForgeError  # noqa: E402
from forge_cli.repository import Repository  # noqa: E402

FETCH_SECONDS = 60
# Nobody sees the question of a build.
UNASKED = {"GIT_TERMINAL_PROMPT": "0"}


class ReleasesHook(BuildHookInterface[Any]):
    """Gives the wheel what a checkout knows, by way of the sdist if it is built from one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files. An editable install reads the checkout itself, and an sdist has them."""
        root = Path(self.root)
        package = "generator/forge_cli"
        if version == "editable" or (root / package / provenance.RECORD).is_file():
            return
        self.folder = tempfile.TemporaryDirectory(prefix="forge-", ignore_cleanup_errors=True)
        try:
            made = self._made(root, Path(self.folder.name))
        except ForgeError as error:
            self._warn("its history", error)
            return
        place = "forge_cli" if self.target_name == "wheel" else package
        build_data["force_include"] |= {str(file): f"{place}/{file.name}" for file in made}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the files."""
        if hasattr(self, "folder"):
            self.folder.cleanup()
        bytecode = Path(importlib.util.cache_from_source(__file__))  # of this module, which Hatch has loaded
        with contextlib.suppress(OSError):
            bytecode.unlink()
            bytecode.parent.rmdir()

    def _made(self, checkout: Path, folder: Path) -> list[Path]:
        if not checkouts.is_checkout(checkout):
            raise ForgeError("it is not a git repository with a commit, or there is no git.")
        record, bundle = folder / provenance.RECORD, folder / provenance.BUNDLE
        (folder / "copy").mkdir()
        repository = checkouts.copy(checkout, folder / "copy")
        # Objects that a partial clone left out are fetched.
        settings = git.online() | UNASKED | checkouts.settings(checkout)
        made = [record]
        try:
            if checkouts.is_shallow(repository):
                _deepen(repository, settings)
                checkouts.name_releases(repository)
            git.checked(repository.path, "bundle", "create", "--quiet", str(bundle), "HEAD", "--tags", env=settings)
            made.append(bundle)
        except ForgeError as error:
            self._warn("its releases", error)
        revision = repository.revision("HEAD")
        found = provenance.Provenance(checkouts.address(checkout), revision, checkouts.is_changed(checkout))
        record.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
        return made

    def _warn(self, lacking: str, error: ForgeError) -> None:
        self.app.display_warning(f"Forge is built without {lacking}: {error}")


def _deepen(copy: Repository, settings: dict[str, str]) -> None:
    """Fetch what a shallow clone lacks: with its branches or, as few servers allow, by the name of its commit."""
    end = time.monotonic() + FETCH_SECONDS
    for wanted in ("+refs/heads/*:refs/remotes/origin/*", git.checked(copy.path, "rev-parse", "HEAD")):
        fetch = ("fetch", "--quiet", "--unshallow", "origin", wanted, "+refs/tags/v*:refs/tags/v*")
        fetched = git.run(copy.path, *fetch, env=settings, timeout=max(end - time.monotonic(), 1))
        if not checkouts.is_shallow(copy):
            return
        if time.monotonic() > end:
            break
    raise ForgeError(f"the clone is shallow, and its origin cannot complete it ({git.reason(fetched)}).")
