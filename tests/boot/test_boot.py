"""Generate every variant of a project, start its processes on real servers, and drive it from outside."""

import os
import shutil
from collections.abc import Callable

import pytest

from .booted import Booted
from .promises import BASICS, PROMISES
from .report import PROPERTY
from .run import Run
from .supervisor import SERVERS
from .variants import ACCOUNTS, VARIANTS, Variant

pytestmark = pytest.mark.boot

# Read before a test takes the developer's own variables away.
REQUIRED = os.environ.get("CI") == "true" or os.environ.get("FORGE_REQUIRE_SERVERS") == "1"


def require(server: str) -> None:
    """Skip the test when a server is not installed, or fail it where all of them must be."""
    if SERVERS[server].binary() is None:
        reason = f"{server} is not installed: apt-get install {SERVERS[server].package}"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_boots_and_keeps_every_promise(
    variant: Variant, boot_run: Run, record_property: Callable[[str, object], None]
) -> None:
    for server in sorted(variant.servers):
        require(server)
    boot_run.start(ACCOUNTS)
    endpoints = {server: boot_run.endpoint(server) for server in variant.servers}
    directory = boot_run.directory / "variants" / variant.name
    with Booted(variant, boot_run, endpoints, directory) as booted:
        try:
            with booted.step("install"):
                booted.install()
            for promise in PROMISES if variant.thorough else BASICS:
                with booted.step(promise.__name__):
                    promise(booted)
        finally:
            row = {"index": variant.index, "name": variant.name, "seconds": round(booted.seconds(), 1)}
            record_property(PROPERTY, {**row, "checked": ", ".join(booted.checked)})
    shutil.rmtree(booted.directory)
