"""Runs a scenario: starts the lab, walks through the slots, lets all vantages measure, gathers their facts.

In each slot the conditions change first, and may change again in its midst; every vantage runs one cycle, all
at the same time, each in a process of its own and into a database of its own.
The idle time between slots is skipped, so that five days pass in minutes. At
the end the facts are merged into one database, which does not exist before:
a scenario that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import select

from analysis.causes.plant_store import store_plant
from lab.measuring import Finished, Slot, Step, clock_at, measure
from lab.plant import plant_of
from lab.running import Worker, running
from lab.topology import Role
from lab.view import Pass, view_of
from probe.errors import UserError
from probe.schedule.model import VantageSpec
from probe.store.database import Database
from probe.store.models import Vantage
from probe.vantage import LAB, refuse_mixing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.running import Lab
    from lab.scenario import Scenario
    from lab.view import View
    from probe.schedule.model import Schedule

SLOT_TIMEOUT_S = 240.0
"""Until all vantages have ended one slot. A cycle in which everything fails takes under a minute."""


LOOK_EVERY_S = 0.5
"""Between two looks at what the boxes have done."""


def run_scenario(
    scenario: Scenario,
    database_path: Path | str,
    *,
    watch: Callable[[View], None] | None = None,
    captures: Mapping[str, Path] | None = None,
) -> None:
    """Run a scenario, its facts into the database at ``database_path`` (a path or URL), made if there is none.

    ``watch`` is shown what can be seen, at every step. ``captures`` names links and the files into which what they
    carry goes. Raises UserError where the lab is not permitted or the database holds other results of these
    vantages; TimeoutError where a slot does not end.
    """
    _require_room(str(database_path), scenario)
    with tempfile.TemporaryDirectory(prefix="nameblind-lab-") as folder:
        paths = {vantage: str(Path(folder) / f"{vantage}.db") for vantage in scenario.vantages}
        _measure(scenario, paths, watch or (lambda _view: None), captures or {})
        with Database.open(str(database_path), create=True, clock=clock_at(scenario.slots[-1])) as result:
            for path in paths.values():
                if Path(path).exists():  # a machine that slept all the time has measured nothing
                    with Database.open(path) as source:
                        result.merge_from(source)
            give_plant(scenario, result)


def give_plant(scenario: Scenario, database: Database) -> None:
    """Store with a scenario's facts what its vantages hang on, as a researcher who asked for it would."""
    store_plant(database, plant_of(scenario.topology), f"{scenario.name}-plant.yaml", scenario.slots[-1])


def _measure(
    scenario: Scenario, paths: dict[str, str], watch: Callable[[View], None], captures: Mapping[str, Path]
) -> None:
    """Let every vantage measure in every slot, each into the database at its path."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(
            running(scenario.topology, seed=scenario.seed, at=scenario.slots[0], captures=captures)
        )
        workers: dict[str, Worker] = {}
        for vantage, path in paths.items():
            schedule = schedule_of(scenario, vantage, lab)
            workers[vantage] = Worker(vantage, measure, lab.inside(vantage), schedule, path)
            stack.callback(workers[vantage].end)
        for number in range(1, len(scenario.slots) + 1):
            _Slot(scenario, number, lab, workers, watch).run()


class _Slot:
    """One slot: its conditions, one cycle of every vantage that is awake, what changes meanwhile."""

    def __init__(
        self,
        scenario: Scenario,
        number: int,
        lab: Lab,
        workers: Mapping[str, Worker],
        watch: Callable[[View], None],
    ) -> None:
        self._scenario = scenario
        self._number = number
        self._lab = lab
        self._workers = workers
        self._watch = watch
        self._passes: dict[str, Pass] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._label = f"{scenario.name}, slot {number} of {len(scenario.slots)}"

    def run(self) -> None:
        """Let it pass."""
        slot_at = self._scenario.slots[self._number - 1]
        self._conditions = self._scenario.conditions(self._number)
        self._seconds = 0.0
        self._lab.apply(self._conditions, at=slot_at)
        started = monotonic()
        measuring = {vantage for vantage in self._workers if vantage not in self._conditions.asleep}
        for vantage in measuring:
            error = self._conditions.clock_errors.get(vantage, timedelta())
            self._workers[vantage].pipe.send(Slot(slot_at, error))
        changes = list(self._scenario.changes_within(self._number))
        look_at = started
        while measuring:
            now = monotonic()
            if now > started + SLOT_TIMEOUT_S:
                raise TimeoutError(
                    f"{self._label}: no end after {SLOT_TIMEOUT_S:g} s at {', '.join(sorted(measuring))}"
                )
            if changes and now >= started + changes[0]:
                self._change(changes.pop(0))
            if now >= look_at:
                look_at = now + LOOK_EVERY_S
                self._counts = self._lab.counts()
                self._show()
            until = min([look_at, started + SLOT_TIMEOUT_S, *(started + change for change in changes[:1])])
            self._hear(measuring, max(0.0, until - now))
        self._counts = self._lab.counts()
        self._show()

    def _change(self, seconds: float) -> None:
        """Let what holds so far into the slot hold from now on."""
        self._seconds = seconds
        self._conditions = self._scenario.conditions(self._number, seconds)
        at = self._scenario.slots[self._number - 1] + timedelta(seconds=seconds)
        self._lab.apply(self._conditions, at=at, is_fresh=False)

    def _hear(self, measuring: set[str], timeout_s: float) -> None:
        """Take what the vantages say; who has ended a cycle leaves ``measuring``."""
        ready = wait([self._workers[name].pipe for name in measuring] + list(self._lab.sentinels), timeout=timeout_s)
        if any(sentinel in ready for sentinel in self._lab.sentinels):
            raise RuntimeError(f"{self._label}: a process of the lab itself has ended")
        for name in [name for name in measuring if self._workers[name].pipe in ready]:
            message = self._workers[name].receive(0.0)
            if isinstance(message, Finished):
                self._passes[name] = Pass(1, 1)
                measuring.discard(name)
            elif isinstance(message, Step):
                self._passes[name] = Pass(message.done, message.total, message.target)

    def _show(self) -> None:
        view = view_of(
            self._scenario,
            self._number,
            self._conditions,
            self._passes,
            self._counts,
            seconds=self._seconds,
        )
        self._watch(view)


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
