"""What a build adds: the template's releases as a git bundle, and where the build comes from. The tree stays as it is.

https://hatch.pypa.io/latest/plugins/build-hook/custom/
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The modules of this tree, which is not installed yet and gets no bytecode.
sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

from forge_cli import checkouts, git, provenance  # noqa: E402
from forge_cli.errors import ForgeError  # noqa: E402

FETCH_SECONDS = 120
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
            raise ForgeError("it is no git repository with a commit, or there is no git.")
        record, bundle, copy = folder / provenance.RECORD, folder / provenance.BUNDLE, folder / "copy"
        copy.mkdir()
        repository = checkouts.copy(checkout, copy)
        settings = UNASKED | checkouts.settings(checkout)  # objects that a partial clone left out are fetched
        made = [record]
        try:
            if (copy / "shallow").is_file():
                self._deepen(copy, settings)
                checkouts.name_releases(repository)
            git.checked(copy, "bundle", "create", "--quiet", str(bundle), "HEAD", "--tags", env=settings)
            made.append(bundle)
        except ForgeError as error:
            self._warn("its releases", error)
        revision = repository.revision("HEAD")
        found = provenance.Provenance(checkouts.address(checkout), revision, checkouts.is_changed(checkout))
        record.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
        return made

    def _deepen(self, copy: Path, settings: dict[str, str]) -> None:
        """Fetch what a shallow clone lacks. The commit may be on no branch, and may be asked for by few servers."""
        head = git.checked(copy, "rev-parse", "HEAD")
        tags = "+refs/tags/v*:refs/tags/v*"
        for wanted in (head, "+refs/heads/*:refs/remotes/origin/*"):
            fetch = ("fetch", "--quiet", "--unshallow", "origin", wanted, tags)
            fetched = git.run(copy, *fetch, env=settings, timeout=FETCH_SECONDS)
            if not (copy / "shallow").exists():
                return
        raise ForgeError(f"the clone is shallow, and its origin cannot complete it ({git.reason(fetched)}).")

    def _warn(self, lacking: str, error: ForgeError) -> None:
        self.app.display_warning(f"Forge is built without {lacking}: {error}")
