"""Runs a scenario: starts the lab, walks through the slots, lets all vantages measure, gathers their facts.

In each slot the conditions change first; then every vantage runs one cycle, all
at the same time, each in a process of its own and into a database of its own.
The idle time between slots is skipped, so that five days pass in minutes. At
the end the facts are merged into one database, which does not exist before:
a scenario that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import select

from lab.measuring import Finished, Step, clock_at, measure
from lab.running import Worker, running
from lab.topology import Role
from probe.errors import UserError
from probe.schedule.model import VantageSpec
from probe.store.database import Database
from probe.store.models import Vantage
from probe.vantage import LAB, refuse_mixing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.running import Lab
    from lab.scenario import Scenario
    from probe.schedule.model import Schedule

SLOT_TIMEOUT_S = 240.0
"""Until all vantages have ended one slot. A cycle in which everything fails takes under a minute."""


def run_scenario(
    scenario: Scenario, database_path: Path | str, *, progress: Callable[[float, str], None] | None = None
) -> None:
    """Run a scenario, its facts into the database at ``database_path`` (a path or URL), made if there is none.

    ``progress`` is told the share that is done, from 0 to 1, and what is going on.
    Raises UserError where the lab is not permitted or the database holds other
    results of these vantages; TimeoutError where a slot does not end.
    """
    tell = progress or (lambda _share, _label: None)
    _require_room(str(database_path), scenario)
    with tempfile.TemporaryDirectory(prefix="nameblind-lab-") as folder:
        paths = {vantage: str(Path(folder) / f"{vantage}.db") for vantage in scenario.vantages}
        _measure(scenario, paths, tell)
        tell(1.0, "gathering the facts")
        with Database.open(str(database_path), create=True, clock=clock_at(scenario.slots[-1])) as result:
            for path in paths.values():
                with Database.open(path) as source:
                    result.merge_from(source)


def _measure(scenario: Scenario, paths: dict[str, str], tell: Callable[[float, str], None]) -> None:
    """Let every vantage measure in every slot, each into the database at its path."""
    tell(0.0, "starting the lab")
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(running(scenario.topology, seed=scenario.seed, at=scenario.slots[0]))
        workers: dict[str, Worker] = {}
        for vantage, path in paths.items():
            schedule = schedule_of(scenario, vantage, lab)
            workers[vantage] = Worker(vantage, measure, lab.inside(vantage), schedule, path)
            stack.callback(workers[vantage].end)
        for number, slot_at in enumerate(scenario.slots, 1):
            lab.apply(scenario.conditions(number))
            for worker in workers.values():
                worker.pipe.send(slot_at)
            label = f"slot {number} of {len(scenario.slots)}, {slot_at:%Y-%m-%d %H:%M} UTC"
            for share in _shares(workers, lab, label):
                tell((number - 1 + share) / len(scenario.slots), label)


def schedule_of(scenario: Scenario, host: str, lab: Lab) -> Schedule:
    """Give the scenario's schedule as the vantage ``host`` of a running lab needs it."""
    place = scenario.topology.hosts[host]
    network = scenario.topology.networks[place.network]
    vantage = VantageSpec(
        name=host,
        country=network.country,
        region=place.region,
        network=network.asn,
        bearer=place.bearer,
        role="control" if place.role is Role.SENTINEL else "probe",
    )
    return replace(
        scenario.schedule,
        vantage=vantage,
        helpers=tuple(replace(helper, public_key=lab.identities.helper_key) for helper in scenario.schedule.helpers),
        extra_roots=(lab.identities.root,),
    )


def _require_room(database: str, scenario: Scenario) -> None:
    if "://" not in database and not Path(database).exists():
        return
    with Database.open(database) as existing, existing.session() as session:
        refuse_mixing(existing, LAB)
        known = set(session.scalars(select(Vantage.vantage_id)))
    if known.intersection(scenario.vantages):
        raise UserError(
            f"{existing.place} holds results of a lab with the same vantages: remove it, or name another database"
        )


def _shares(workers: dict[str, Worker], lab: Lab, label: str) -> Iterator[float]:
    """Give the share of one slot's measurements that is done, from 0 to 1, until every vantage has ended its cycle."""
    deadline = monotonic() + SLOT_TIMEOUT_S
    shares = dict.fromkeys(workers, 0.0)
    measuring = set(workers)
    while measuring:
        ready = wait(
            [workers[name].pipe for name in measuring] + list(lab.sentinels),
            timeout=max(0.0, deadline - monotonic()),
        )
        if not ready:
            raise TimeoutError(f"{label}: no end after {SLOT_TIMEOUT_S:g} s at {', '.join(sorted(measuring))}")
        if any(sentinel in ready for sentinel in lab.sentinels):
            raise RuntimeError(f"{label}: a process of the lab itself has ended")
        for name in [name for name in measuring if workers[name].pipe in ready]:
            message = workers[name].receive(0.0)
            if isinstance(message, Finished):
                shares[name] = 1.0
                measuring.discard(name)
            elif isinstance(message, Step):
                shares[name] = message.done / message.total
        yield sum(shares.values()) / len(shares)
