"""Scores the analysis against what really happened in one run of a scenario.

Each measurement of a target is *right*, *weaker* (a state that the truth accepts
as honest, ``insufficient`` always), *missed*, or a *false accusation*: somebody
is said to have done what nobody did. Controls are looked at for false
accusations only. Events are matched by :mod:`analysis.evaluate.event_match`; what many runs
come to together is :mod:`lab.scorecard`'s.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from analysis.analyse import analyse
from analysis.causes.plant_store import read_plant
from analysis.evaluate.event_match import match_events
from analysis.evaluate.grading import Grade, grade, is_mechanism_right
from analysis.evaluate.truth import ACCUSING
from analysis.pairs import Standing, Tally, standings, tally
from analysis.reading import read_cycles
from lab.director import give_plant, run_scenario
from probe.model import Peer, TargetKind
from probe.store.database import Database
from probe.store.models import Cycle, CycleEnd, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from analysis.evaluate.event_match import FalseEvent, GradedEvent
    from analysis.facts import CycleFacts
    from lab.scenario import Scenario
    from lab.view import View

DECIDED_LOG10_E = 3.0
"""E of a thousand: from there on a rule on the name may be claimed."""

UNMEASURED: Final = "unmeasured"
"""Stands for the state where the scenario asked for a measurement and the facts have none; counts as missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One measurement, graded."""

    vantage: str
    target: str
    slot: int
    is_control: bool
    truth: str
    state: str
    grade: Grade
    cause: str | None
    """Of what really happened; ``None`` where nothing did."""
    mechanism: str | None
    """The true one."""
    mechanisms: tuple[str, ...]
    """What the analysis named."""
    rules: tuple[str, ...]
    """What fired, so that a bad grade can be understood."""

    @property
    def is_mechanism_right(self) -> bool | None:
        """Whether the right mechanism is among those named; ``None`` where there is none to name."""
        if self.mechanism is None or self.state not in ACCUSING:
            return None
        return is_mechanism_right(self.mechanism, self.mechanisms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What it took to tell the truth of one target at one vantage, from the first slot in which somebody acts on it.

    ``None`` stands for never. Seconds and bytes are those of the vantage, idle
    time between slots included, up to the end of the first cycle with the true state.
    """

    vantage: str
    target: str
    truth: str
    mechanism: str | None
    seconds: float | None
    bytes: int | None
    pairs: int | None
    """Pairs at helpers until E was a thousand."""

    @property
    def can_pairs_show_it(self) -> bool:
        """Whether pairs at helpers can: what acts reads a name inside the connection."""
        return self.truth == "blocked" and (self.mechanism or "").partition(".")[0] in {"tls", "http", "quic"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle took, and when it ended."""

    ended_at: datetime
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one run of a scenario came to."""

    scenario: str
    family: str
    seed: int
    graded: tuple[Graded, ...]
    innocent_controls: int
    """Measurements of controls on which nobody acted, each of which might have been called blocked."""
    events: tuple[GradedEvent, ...]
    false_events: tuple[FalseEvent, ...]
    decisions: tuple[Decision, ...]
    pairs_to_decision: Mapping[str, int]
    """By vantage, target and kind of name: pairs until E was a thousand, where it ever was."""
    cycle_seconds: tuple[float, ...]
    cycle_bytes: tuple[int, ...]
    wall_seconds: float
    """0 where facts that were kept were judged anew."""

    @property
    def unmeasured(self) -> int:
        """Count the measurements that the scenario asked for and the facts lack."""
        return sum(g.state == UNMEASURED for g in self.graded)

    def count(self, grade: Grade) -> int:
        """Count the measurements of one grade."""
        return sum(g.grade is grade for g in self.graded)


def play(scenario: Scenario, watch: Callable[[View], None] | None = None, *, facts: Path | None = None) -> Score:
    """Run a scenario and score it. Its facts stay in the database ``facts``; one that is there is not made again."""
    started = monotonic()
    is_made = facts is None or not facts.exists()
    with tempfile.TemporaryDirectory(prefix="nameblind-lab-", dir=facts.parent if facts else None) as folder:
        path = Path(folder) / "results.db"
        if is_made:
            run_scenario(scenario, path, watch=watch)
        if facts is not None and is_made:
            _keep(path, facts)
        elif facts is not None:
            shutil.copyfile(facts, path)
        with Database.open(str(path)) as database:
            return score(scenario, database, wall_seconds=monotonic() - started if is_made else 0.0)


def _keep(path: Path, facts: Path) -> None:
    """Copy a database of facts to where it stays, whole or not at all."""
    unfinished = path.with_name("facts.db")
    shutil.copyfile(path, unfinished)
    unfinished.replace(facts)


def score(scenario: Scenario, database: Database, *, wall_seconds: float = 0.0) -> Score:
    """Analyse the facts that a run of the scenario left in a database, and score what comes out."""
    with database.session() as session:
        is_plant_known = read_plant(session).sha256 is not None
    if not is_plant_known:  # facts of before there was any
        give_plant(scenario, database)
    conclusions = analyse(database)
    slots = {slot_at: number for number, slot_at in enumerate(scenario.slots, 1)}
    with database.session() as session:
        slot_of = {
            measurement_id: slots[slot_at]
            for measurement_id, slot_at in session.execute(
                select(Measurement.measurement_id, Cycle.slot_at).join(Cycle, Cycle.cycle_id == Measurement.cycle_id)
            )
        }
        ends = session.execute(
            select(
                Cycle.vantage_id,
                Cycle.slot_at,
                Cycle.started_at,
                CycleEnd.ended_at,
                CycleEnd.bytes_sent,
                CycleEnd.bytes_received,
            ).join(Cycle, Cycle.cycle_id == CycleEnd.cycle_id)
        ).all()
        cycles = read_cycles(session, None, None)
    costs = {
        (end.vantage_id, slots[end.slot_at]): Cost(
            end.ended_at, (end.ended_at - end.started_at).total_seconds(), end.bytes_sent + end.bytes_received
        )
        for end in ends
    }
    measured = tuple(_grade_all(scenario, conclusions["states"], slot_of))
    targets = [g for g in measured if not g.is_control]
    missing = _missing(scenario, {(g.vantage, g.target, g.slot) for g in targets})
    graded = (
        *targets,
        *missing,
        *(g for g in measured if g.is_control and g.grade is Grade.FALSE_ACCUSATION),
    )
    pairs = _pairs_to_decision(cycles)
    happened = match_events(conclusions["events"], scenario.events())
    return Score(
        scenario=scenario.name,
        family=scenario.family,
        seed=scenario.seed,
        graded=graded,
        innocent_controls=sum(g.is_control and g.truth not in ACCUSING for g in measured),
        events=happened.events,
        false_events=happened.false,
        decisions=tuple(decisions([*targets, *missing], scenario.slots, costs, pairs)),
        pairs_to_decision=pairs,
        cycle_seconds=tuple(cost.seconds for cost in costs.values()),
        cycle_bytes=tuple(cost.bytes for cost in costs.values()),
        wall_seconds=wall_seconds,
    )


def _grade_all(scenario: Scenario, states: Iterable[Mapping[str, Any]], slot_of: Mapping[str, int]) -> Iterator[Graded]:
    targets = {target.name: target for target in scenario.schedule.targets}
    for state in states:
        slot = slot_of[state["measurement"]]
        truth = scenario.truth_of(state["vantage"], targets[state["target"]], slot)
        yield Graded(
            vantage=state["vantage"],
            target=state["target"],
            slot=slot,
            is_control=state["kind"] != TargetKind.TARGET,
            truth=truth.state,
            state=state["state"],
            grade=grade(truth, state["state"]),
            cause=truth.cause,
            mechanism=truth.mechanism,
            mechanisms=tuple(state["mechanisms"]),
            rules=tuple(evidence["rule"] for evidence in state["evidence"]),
        )


def _missing(scenario: Scenario, measured: set[tuple[str, str, int]]) -> Iterator[Graded]:
    """Give the measurements that were to be made and were not. A machine that is asleep has none to make."""
    for slot in range(1, len(scenario.slots) + 1):
        asleep = scenario.conditions(slot).asleep
        for vantage in scenario.vantages:
            for target in scenario.schedule.of_kind(TargetKind.TARGET):
                if vantage in asleep or (vantage, target.name, slot) in measured:
                    continue
                truth = scenario.truth_of(vantage, target, slot)
                yield Graded(
                    vantage=vantage,
                    target=target.name,
                    slot=slot,
                    is_control=False,
                    truth=truth.state,
                    state=UNMEASURED,
                    grade=Grade.MISSED,
                    cause=truth.cause,
                    mechanism=truth.mechanism,
                    mechanisms=(),
                    rules=(),
                )


def decisions(
    graded: Iterable[Graded],
    slots: tuple[datetime, ...],
    costs: Mapping[tuple[str, int], Cost],
    pairs: Mapping[str, int],
) -> Iterator[Decision]:
    """Give what each decision took, one for every vantage and target on which somebody acts.

    ``costs`` are those of the cycles, by vantage and slot; ``pairs`` those of :attr:`Score.pairs_to_decision`.
    """
    series: dict[tuple[str, str], list[Graded]] = {}
    for g in sorted((g for g in graded if g.truth in ACCUSING), key=lambda g: (g.vantage, g.target, g.slot)):
        series.setdefault((g.vantage, g.target), []).append(g)
    for (vantage, target), acted in series.items():
        first = acted[0]
        told = next((g.slot for g in acted if g.grade is Grade.RIGHT and (vantage, g.slot) in costs), None)
        spent = [cost for (who, slot), cost in costs.items() if told and who == vantage and first.slot <= slot <= told]
        counts = [count for key, count in pairs.items() if key.rpartition(" ")[0] == f"{vantage} {target}"]
        yield Decision(
            vantage=vantage,
            target=target,
            truth=first.truth,
            mechanism=first.mechanism,
            seconds=(costs[vantage, told].ended_at - slots[first.slot - 1]).total_seconds() if told else None,
            bytes=sum(cost.bytes for cost in spent) if told else None,
            pairs=min(counts, default=None),
        )


def _pairs_to_decision(cycles: Iterable[CycleFacts]) -> dict[str, int]:
    """Walk through every series of pairs at helpers, and count until its e-value decides."""
    so_far: dict[str, Tally] = {}
    decided: dict[str, int] = {}
    for cycle in sorted(cycles, key=lambda cycle: (cycle.started_at, cycle.cycle_id)):
        standing = standings(cycle)
        pairs = [(m.target, pair) for m in cycle.measurements for pair in m.pairs]
        for target, pair in sorted(pairs, key=lambda entry: entry[1].number):
            if standing[pair.pair_id] is not Standing.COUNTED or pair.peer != Peer.HELPER:
                continue
            series = f"{cycle.vantage.vantage_id} {target} {pair.name_kind}"
            so_far[series] = so_far.get(series, Tally()) + tally([pair])
            if series not in decided and so_far[series].log10_e >= DECIDED_LOG10_E:
                decided[series] = so_far[series].pairs
    return decided
