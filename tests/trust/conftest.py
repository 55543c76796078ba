"""The machine that a module's tests share: no attack leaves anything on it, or the attack's own test fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.trust.ground import NOBODY, Ground, interpreter_of_nobody


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A machine whose user runs the tests."""
    with _ground(None) as made:
        yield made


@pytest.fixture(scope="module")
def ground_of_nobody() -> Iterator[Ground]:
    """A machine whose user has no rights beyond their own."""
    if not interpreter_of_nobody():
        pytest.skip("this is not root, or there is no Python that another user may run")
    with _ground(NOBODY) as made:
        yield made


@contextmanager
def _ground(user: str | None) -> Iterator[Ground]:
    root = Path(tempfile.mkdtemp(prefix="forge-trust-"))
    root.chmod(0o755)
    try:
        yield Ground(root, user)
    finally:
        shutil.rmtree(root)
