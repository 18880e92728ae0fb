"""One cycle: a pass of one vantage over its schedule, written row by row as it happens.

The order: a look at the link; the controls and portal checks; the targets, in
an order drawn from the seed; the controls again; a look at the link. Controls
stand first and last because a fault that came or went in between would
otherwise read as a fault of the targets alone.

The pass is light: each target once, and name-swap pairs of a few that are
drawn. Where something is odd about a target, closer looks follow at once, while
the anomaly lasts (:mod:`probe.ladder`). Some techniques also take turns over
the targets without any anomaly, because what they look for shows in no light
pass (the schedule's ``rota``). Nothing here is a verdict.

What was measured is committed target by target, so that a probe that is killed
loses the measurement in its hands and no other.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from probe import link, memory, randomness
from probe.itself.check import check
from probe.itself.secret import Keyed
from probe.ladder import climb, is_for, take_turns
from probe.measure import Tools, routine
from probe.model import Operation, Target, TargetKind
from probe.pairs import Pairs, Places
from probe.record import Measured, Recorder, total_bytes
from probe.recorder import sample_row
from probe.slots import Look
from probe.store import models
from probe.swaps import routine_swaps
from probe.techniques import BY_NAME, ladder_of
from probe.techniques.technique import Case, Purse
from probe.trust import Trust
from probe.vantage import enter, refuse_mixing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from probe.clock import Clock
    from probe.model import Observation
    from probe.net import Net
    from probe.record import Step
    from probe.schedule.model import Schedule
    from probe.store.database import Database
    from probe.techniques.technique import Known, Technique

_log = logging.getLogger(__name__)

CONTROL_KINDS = (TargetKind.CONTROL_HOME, TargetKind.CONTROL_ABROAD, TargetKind.PORTAL_CHECK)


@dataclass(slots=True)
class Cycle:
    """One pass; made by :func:`run_cycle`."""

    schedule: Schedule
    database: Database
    clock: Clock
    tools: Tools
    pairs: Pairs
    vantage_id: str
    recorder: Recorder
    progress: Callable[[int, int, str], None]
    purse: Purse
    hashed: Keyed
    known_shapes: Mapping[str, Sequence[Known]]
    looked_at: Look | None = None
    done: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    is_abroad_answering: bool = False
    answering_families: set[int] = field(default_factory=set)
    answers: list[Observation] = field(default_factory=list)
    """HTTP steps of the first round: they say what time it is."""
    drawn: frozenset[str] = frozenset()
    """Names of the targets and controls that routine pairs are made of in this cycle."""

    @property
    def is_sentinel(self) -> bool:
        """Tell whether others are held against this vantage: then it leaves out nothing that they might have drawn."""
        return self.schedule.vantage.role == "control"

    @property
    def total(self) -> int:
        """Count the measurements that the pass will make."""
        return len(self.schedule.targets) + len(self.schedule.of_kind(*CONTROL_KINDS))

    async def run(self, seed: bytes) -> None:
        """Walk the pass. A round begins when the one before it has its answers; what goes on listening goes on."""
        targets = self.schedule.of_kind(TargetKind.TARGET)
        controls = self.schedule.of_kind(*CONTROL_KINDS)
        able = [target for target in self.schedule.targets if target.kind is not TargetKind.PORTAL_CHECK]
        count = len(able) if self.is_sentinel else self.schedule.pairs.drawn
        sample = randomness.permutation(seed, "drawn", 0, len(able))[:count]
        self.drawn = frozenset(able[i].name for i in sample)
        order = randomness.permutation(seed, "targets", 0, len(targets))
        try:
            # A group, because it ends everything else when one measurement cannot be stored.
            async with asyncio.TaskGroup() as work:
                first_look = work.create_task(self._look_at_link())
                await self._round("first", controls, work)
                self.pairs.families = frozenset(self.answering_families)
                work.create_task(self._check_itself())
                await self._round("main", [targets[i] for i in order], work)
                await self._round("last", controls, work)
                await first_look
                work.create_task(self._look_at_link())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _round(self, name: str, targets: Sequence[Target], work: asyncio.TaskGroup) -> None:
        """Measure, and come back as soon as all have their answers, or have failed and were looked into."""
        free = asyncio.Semaphore(self.tools.limits.concurrent_measurements)

        async def one(target: Target, through: asyncio.Event) -> None:
            try:
                async with free:
                    measuring = work.create_task(self._contained(name, target, through))
                    await through.wait()
                self._keep(await measuring)
            finally:
                through.set()

        events = [asyncio.Event() for _ in targets]
        for target, through in zip(targets, events, strict=True):
            work.create_task(one(target, through))
        for through in events:
            await through.wait()

    async def _contained(self, name: str, target: Target, through: asyncio.Event) -> Measured:
        """Measure a target; a bug of ours that its answer brings out costs this measurement, and no other.

        A measurement without observations is what remains of it: otherwise one hostile
        server could blind a probe to everything that comes after it.
        """
        started_at = self.clock.now()
        try:
            return await self._measure(name, target, through)
        except Exception:  # noqa: BLE001 - whatever it is: see above; it is logged with its traceback
            _log.exception("measuring %s failed inside the probe; please report this", target.name)
            return Measured(target=target, round=name, started_at=started_at, ended_at=self.clock.now(), steps=())
        finally:
            through.set()

    async def _measure(self, name: str, target: Target, through: asyncio.Event) -> Measured:
        started_at = self.clock.now()
        case = Case(
            target=target,
            round=name,
            number=self.schedule.targets.index(target),
            schedule=self.schedule,
            tools=self.tools,
            pairs=self.pairs,
            known_shapes=self.known_shapes.get(target.name, ()),
        )
        answered: asyncio.Future[list[Step]] = asyncio.get_running_loop().create_future()
        asks_others = name != "last" and target.kind is not TargetKind.PORTAL_CHECK
        measuring = asyncio.ensure_future(
            routine(target, self.tools, attempt=1, asks_others=asks_others, answered=answered)
        )
        try:
            await asyncio.wait({measuring, answered}, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                self._note(name, target, answered.result())
            if name != "first" and target.name in self.drawn:
                for swap in routine_swaps(target):
                    places = self.pairs.helper_places(swap)
                    await self.pairs.several(swap, places, self.schedule.pairs.routine, case.keep_pair)
            if answered.done():
                through.set()
            case.steps += await measuring
        finally:
            measuring.cancel()
        runs = []
        if name == "main" and self.is_abroad_answering:
            runs += await climb(case, ladder_of(self.schedule), self.purse)
            made = {run.technique for run in runs}
            due = [technique for technique in self._due(case) if technique.name not in made]
            runs += await take_turns(case, due, self.purse)
        return Measured(
            target=target,
            round=name,
            started_at=started_at,
            ended_at=self.clock.now(),
            steps=tuple(case.steps),
            pairs=tuple(case.made),
            runs=tuple(runs),
            captures=tuple(case.captures),
        )

    def _note(self, name: str, target: Target, steps: Sequence[Step]) -> None:
        """Note of an answered target what the rest of the pass goes by."""
        if name == "first":
            self.is_abroad_answering |= target.kind is TargetKind.CONTROL_ABROAD
            self.answers += [step.observation for step in steps if step.observation.operation is Operation.HTTP]
        self.answering_families |= {
            ipaddress.ip_address(step.observation.address).version
            for step in steps
            if step.observation.operation is Operation.TCP
            and step.observation.failure is None
            and step.observation.address
        }

    def _due(self, case: Case) -> list[Technique]:
        """Draw whose turn it is: each with the chance that gives it its mean interval, so that no cycle is locked to.

        A censor's duty cycle, and a reader of the schedule, can foresee a fixed rota; a drawn one cannot be.
        """
        due = []
        for name, interval_s in self.schedule.rota.items():
            draw = randomness.below(self.pairs.seed, f"rota/{name}", case.number, 1_000_000)
            technique = BY_NAME[name]
            is_drawn = self.is_sentinel or draw * interval_s < self.schedule.cadence_s * 1_000_000
            if is_drawn and is_for(technique, case):
                due.append(technique)
        return due

    def _keep(self, measured: Measured) -> None:
        rows, blobs = self.recorder.rows(measured)
        self.database.append(self.vantage_id, rows, blobs)
        seen = list(measured.observations())
        sent, received = total_bytes(seen)
        self.bytes_sent += sent
        self.bytes_received += received
        self.done += 1
        self.progress(self.done, self.total, measured.target.name)

    async def _check_itself(self) -> None:
        try:
            row = await check(self.recorder.cycle_id, self.schedule, self.tools, self.answers)
        except Exception:  # noqa: BLE001 - whatever it is, it costs this one row; it is logged with its traceback
            _log.exception("the self-check failed inside the probe; please report this")
            return
        finally:
            self.answers.clear()
        self.database.append(self.vantage_id, [row])

    async def _look_at_link(self) -> None:
        before, self.looked_at = self.looked_at, Look.at(self.tools.clock)
        seen = await link.look(
            self.schedule.beacon, self.tools.net, self.tools.clock, self.tools.limits, self.hashed, before
        )
        row = sample_row(seen, self.recorder.identifier("l"), cycle_id=self.recorder.cycle_id)
        self.database.append(self.vantage_id, [row])


async def run_cycle(
    schedule: Schedule,
    database: Database,
    net: Net,
    clock: Clock,
    *,
    slot_at: datetime,
    progress: Callable[[int, int, str], None] | None = None,
    places: Places | None = None,
    hashed: Keyed | None = None,
) -> str:
    """Run one cycle and give its identifier.

    ``slot_at`` is the time at which the schedule wanted it. ``places`` carries the
    rests after triggers from one cycle to the next of the same process.
    ``progress`` is told (measurements done, measurements in all, last target).
    Cancelled in the middle, the cycle is closed as ``interrupted``, and what was
    measured stays.
    """
    refuse_mixing(database, clock.source)
    vantage_id = enter(schedule.vantage, database)
    seed = randomness.new_seed()
    cycle_id = f"c{randomness.new_seed().hex()[:16]}"
    database.append(
        vantage_id,
        [
            models.Cycle(
                cycle_id=cycle_id,
                slot_at=slot_at,
                started_at=clock.now(),
                schedule=schedule.name,
                schedule_sha256=schedule.sha256,
                seed_commitment=randomness.commitment(seed),
                software_version=version("nameblind"),
                clock_source=clock.source,
            )
        ],
    )
    tools = Tools(
        net=net,
        clock=clock,
        limits=schedule.limits,
        trust=Trust.load(schedule.extra_roots),
        resolvers=schedule.resolvers,
        fingerprints=schedule.fingerprints,
    )
    cycle = Cycle(
        schedule=schedule,
        database=database,
        clock=clock,
        tools=tools,
        pairs=Pairs(
            seed=seed,
            tools=tools,
            plan=schedule.pairs,
            helpers=schedule.helpers,
            families=frozenset(),
            places=places or Places(schedule.pairs.rest_s),
        ),
        vantage_id=vantage_id,
        recorder=Recorder(cycle_id),
        progress=progress or (lambda _done, _total, _label: None),
        purse=Purse(schedule.follow_up.day_bytes - _spent_of_late(database, vantage_id, clock)),
        hashed=hashed or Keyed(),
        known_shapes=memory.known_shapes(
            database, vantage_id, clock.now() - timedelta(seconds=schedule.limits.shape_rest_s)
        ),
    )
    outcome = "interrupted"
    try:
        await cycle.run(seed)
        outcome = "complete"
    finally:
        database.append(
            vantage_id,
            [
                models.CycleEnd(
                    cycle_id=cycle_id,
                    ended_at=clock.now(),
                    outcome=outcome,
                    seed=seed.hex(),
                    bytes_sent=cycle.bytes_sent,
                    bytes_received=cycle.bytes_received,
                )
            ],
        )
    return cycle_id


def _spent_of_late(database: Database, vantage_id: str, clock: Clock) -> int:
    """Count what closer looks cost this vantage in the last 24 hours."""
    with database.session() as session:
        spent = session.scalar(
            select(func.sum(models.TechniqueRun.spent_bytes)).where(
                models.TechniqueRun.vantage_id == vantage_id,
                models.TechniqueRun.started_at > clock.now() - timedelta(days=1),
            )
        )
    return int(spent or 0)
