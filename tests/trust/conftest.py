"""The machine that a module's tests share: no attack leaves anything on it, or the attack's own test fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trust.ground import NOBODY, Ground, interpreter_of_nobody

WHO = [
    pytest.param(None, id="whoever-runs-the-tests"),
    pytest.param(NOBODY, id="an-unprivileged-user", marks=pytest.mark.matrix),
]


@pytest.fixture(scope="module", params=WHO)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A machine, in a directory that every user may reach."""
    if request.param and not interpreter_of_nobody():
        pytest.skip("this is not root, or there is no Python that another user may run")
    root = Path(tempfile.mkdtemp(prefix="forge-trust-"))
    root.chmod(0o755)
    try:
        yield Ground(root, request.param)
    finally:
        shutil.rmtree(root)
