"""Templates and projects that the attacks begin with."""

from __future__ import annotations

from pathlib import Path

from tests.trust.ground import Ground
from tests.trust.templates import ATTACKS, version
from tests.updates.small import CHANGES, FIRST


def hostile_template(ground: Ground) -> Path:
    """A template whose first and last release are honest, with a hostile release for each attack between them."""
    place = ground.root / "template"
    ground.release(place, "v1.0.0", FIRST)
    for name, attack in ATTACKS.items():
        ground.release(place, version(name), {**FIRST, **attack.files})
    ground.release(place, "v1.2.0", FIRST)
    ground.give(place)
    return place


def honest_template(ground: Ground) -> Path:
    """A template with two releases."""
    place = ground.root / "template"
    ground.release(place, "v1.0.0", FIRST)
    ground.release(place, "v1.1.0", {**FIRST, **CHANGES})
    ground.give(place)
    return place


def project_of(ground: Ground, template: Path) -> Path:
    """A committed project of a template's first release."""
    place = ground.work / "demo"
    ran = ground.run("new", place, "-y", "--template", template, "--vcs-ref", "v1.0.0")
    assert ran.code == 0, ran.said
    return place
