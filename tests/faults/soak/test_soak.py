"""Whatever happens at the same time, no job is lost, none runs that must not, and all who know of it say the same.

FORGE_SOAK_SECONDS=600 tests/run tests/faults/soak -k redis-none   ten minutes of it; every project without -k
FORGE_SOAK_SEED=1234 ...                                           the same choices again
"""

import os
import random
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.boot.polling import wait_for
from tests.faults.running import Figures

from .comparison import Comparison, Sources
from .faults import Faults
from .ledger import FINAL, Ledger
from .operations import Clients, ask, listen
from .stage import APIS, SoakStage
from .traces import read

pytestmark = pytest.mark.faults

SECONDS = float(os.environ.get("FORGE_SOAK_SECONDS", "25"))
SEED = os.environ.get("FORGE_SOAK_SEED") or str(random.randrange(10**6))
ENDED_SECONDS = 60.0
QUIET_SECONDS = 12.0  # longer than any countdown: what was not promised may still come
STREAMS = 20


def test_all_who_know_of_a_job_say_the_same_whatever_goes_wrong(soaked: SoakStage, figures: Figures) -> None:
    ledger, faults = Ledger(), Faults(soaked, SEED)
    with Clients(soaked, ledger, SEED):
        faults.rage(time.monotonic() + SECONDS)
    faults.heal()

    rest(soaked, ledger)
    sources = look(soaked, ledger)

    found = Comparison(ledger, faults, sources).findings()
    report = figures_of(soaked, ledger, faults)
    again = f"ran again: {dict(found.twice)}; never joined: {found.unjoined}"
    figures(f"seed {SEED}, {report}; {again}; {len(found.contradictions)} contradictions")
    if found.contradictions:
        again = f"FORGE_SOAK_SEED={SEED} FORGE_SOAK_SECONDS={SECONDS:.0f}"
        pytest.fail("\n".join([f"{again}: {len(found.contradictions)} contradictions", *found.contradictions]), False)


def rest(stage: SoakStage, ledger: Ledger) -> None:
    """Wait until every job has ended that was promised, and nothing else happens; what is lost is found later."""
    left = ledger.accepted()
    with stage.client(APIS[0]) as http:

        def ended() -> bool:
            left[:] = [push for push in left if (ask(http, push, ledger) or {}).get("status") not in FINAL]
            return not left

        with suppress(AssertionError):
            wait_for("every job ends", ended, within=ENDED_SECONDS, every=1)
    size, since = -1, time.monotonic()
    while time.monotonic() < since + QUIET_SECONDS:
        if (now := stage.trace_file.stat().st_size) != size:
            size, since = now, time.monotonic()
        time.sleep(0.5)


def look(stage: SoakStage, ledger: Ledger) -> Sources:
    """Ask everybody who knows of the jobs, the API first and last."""
    told: dict[str, list[dict[str, Any]]] = {}
    listed: list[str] | None = None
    for name in APIS:
        with stage.client(name) as http:
            for push in ledger.accepted():
                told.setdefault(push.id, []).extend(filter(None, [ask(http, push, ledger)]))
            for push in ledger.accepted()[:: max(len(ledger.accepted()) // STREAMS, 1)]:
                listen(http, push, ledger, time.time() + 1)
            if stage.variant.has_database:
                listed = list_all(http)
    with stage.client(APIS[0], headers=stage.credential.admin) as admin:
        letters = admin.get("/dead-letters", params={"limit": 1000})
        assert letters.status_code == 200, letters.text
        dead = [letter["id"] for letter in letters.json()]
    return Sources(read(stage.trace_file), stage.dump(), told, dead, stage.logs(), listed)


def list_all(http: httpx.Client) -> list[str]:
    """Return the ids of all jobs, page by page."""
    ids, cursor = [], ""
    while True:
        page = http.get("/tasks", params={"limit": 100} | ({"cursor": cursor} if cursor else {})).json()
        ids += [item["task_id"] for item in page["items"]]
        if not (cursor := page["next_cursor"]):
            return ids


def figures_of(stage: SoakStage, ledger: Ledger, faults: Faults) -> str:
    """Say what the run was made of."""
    counts = faults.counts()
    every = (relay.counts for relays in stage.relays.values() for relay in relays.values())
    relayed = sum(every, start=Counter[str]())
    cut_after = sum(count for what, count in relayed.items() if what.startswith("cut after"))
    return (
        f"{SECONDS:.0f} s, {sum(ledger.operations.values())} operations, {len(ledger.pushes)} jobs "
        f"({len(ledger.accepted())} promised), {counts['kill'] + counts['kill server']} kills, {counts['stop']} stops "
        f"({faults.overrun} of them ended by a kill), "
        f"{counts['freeze'] + counts['freeze server']} freezes, {relayed['cut']} connections cut, {cut_after} after a "
        f"request was served, {relayed['cut after COMMIT']} of them a COMMIT"
    )
