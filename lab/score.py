"""Scores the analysis against what really happened.

Each measurement of a target is *right*, *weaker* (a state that the truth accepts
as honest, ``insufficient`` always), *missed*, or a *false accusation*: somebody
is said to have done what nobody did. Controls are looked at for false
accusations only. Mechanisms are compared as paths: an ancestor of the true one
says less, and is right.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from analysis.analyse import analyse
from analysis.pairs import Standing, Tally, standings, tally
from analysis.reading import read_cycles
from lab.director import run_scenario
from lab.scenario import ACCUSING
from probe.model import Peer, TargetKind
from probe.store.database import Database
from probe.store.models import Cycle, CycleEnd, Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.facts import CycleFacts
    from lab.scenario import Scenario, Truth

DECIDED_LOG10_E = 3.0
"""E of a thousand: from there on a rule on the name may be claimed."""


class Grade(StrEnum):
    """How a state stands against the truth."""

    RIGHT = "right"
    WEAKER = "weaker"
    MISSED = "missed"
    FALSE_ACCUSATION = "false-accusation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One measurement, graded."""

    vantage: str
    target: str
    slot: int
    truth: str
    state: str
    grade: Grade
    mechanism: str | None
    """The true one."""
    mechanisms: tuple[str, ...]
    """What the analysis named."""
    is_mechanism_right: bool | None
    """``None`` where there is none to name."""
    rules: tuple[str, ...]
    """What fired, so that a bad grade can be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one scenario came to."""

    scenario: str
    family: str
    graded: tuple[Graded, ...]
    unmeasured: int
    """Measurements that the scenario asked for and the facts lack; each counts as missed."""
    pairs_to_decision: dict[str, int]
    """By vantage, target and kind of name: pairs until E was a thousand, where it ever was."""
    cycle_seconds: tuple[float, ...]
    cycle_bytes: tuple[int, ...]
    wall_seconds: float

    def count(self, grade: Grade) -> int:
        """Count the measurements of one grade."""
        return sum(g.grade is grade for g in self.graded) + (self.unmeasured if grade is Grade.MISSED else 0)

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "scenario": self.scenario,
            "family": self.family,
            "grades": {grade.value: self.count(grade) for grade in Grade},
            "pairs_to_e_1000": self.pairs_to_decision,
            "cycle_seconds": {"median": middle(self.cycle_seconds), "most": max(self.cycle_seconds, default=0.0)},
            "cycle_bytes": {"median": middle(self.cycle_bytes), "most": max(self.cycle_bytes, default=0)},
            "wall_seconds": round(self.wall_seconds, 1),
            "not_right": [
                {
                    "vantage": g.vantage,
                    "target": g.target,
                    "slot": g.slot,
                    "truth": g.truth,
                    "state": g.state,
                    "grade": g.grade.value,
                    "mechanisms": list(g.mechanisms),
                    "rules": list(g.rules),
                }
                for g in self.graded
                if g.grade is not Grade.RIGHT
            ],
            "wrong_mechanisms": [
                {
                    "vantage": g.vantage,
                    "target": g.target,
                    "slot": g.slot,
                    "true": g.mechanism,
                    "named": list(g.mechanisms),
                }
                for g in self.graded
                if g.is_mechanism_right is False
            ],
        }


def grade(truth: Truth, state: str) -> Grade:
    """Grade one state against the truth."""
    if state == truth.state:
        return Grade.RIGHT
    if state in truth.accept or state == "insufficient":
        return Grade.WEAKER
    if state in ACCUSING and truth.state not in ACCUSING:
        return Grade.FALSE_ACCUSATION
    return Grade.MISSED


def is_mechanism_right(true: str, named: Iterable[str]) -> bool:
    """Tell whether some mechanism that was named is the true one, an ancestor or a descendant of it."""
    return any(_is_within(true, one) or _is_within(one, true) for one in named)


def _is_within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(ancestor + ".")


def middle(values: Iterable[float]) -> float:
    """Give the median, 0 of nothing."""
    ordered = sorted(values)
    return round(ordered[len(ordered) // 2], 1) if ordered else 0.0


def play(scenario: Scenario, progress: Callable[[float, str], None] | None = None) -> Score:
    """Run a scenario into a database that is thrown away, and score it."""
    started = monotonic()
    with tempfile.TemporaryDirectory(prefix="nameblind-lab-") as folder:
        path = Path(folder) / "results.db"
        run_scenario(scenario, path, progress=progress)
        with Database.open(str(path)) as database:
            return score(scenario, database, wall_seconds=monotonic() - started)


def score(scenario: Scenario, database: Database, *, wall_seconds: float = 0.0) -> Score:
    """Analyse the facts that a run of the scenario left in a database, and score what comes out."""
    conclusions = analyse(database)
    with database.session() as session:
        slot_of = {
            measurement_id: scenario.slots.index(slot_at) + 1
            for measurement_id, slot_at in session.execute(
                select(Measurement.measurement_id, Cycle.slot_at).join(Cycle, Cycle.cycle_id == Measurement.cycle_id)
            )
        }
        ends = session.execute(
            select(Cycle.started_at, CycleEnd.ended_at, CycleEnd.bytes_sent, CycleEnd.bytes_received).join(
                Cycle, Cycle.cycle_id == CycleEnd.cycle_id
            )
        ).all()
        cycles = read_cycles(session, None, None)
    graded = tuple(_grade_all(scenario, conclusions["states"], slot_of))
    wanted = len(scenario.vantages) * len(scenario.slots) * len(scenario.schedule.of_kind(TargetKind.TARGET))
    measured = sum(state["kind"] == TargetKind.TARGET for state in conclusions["states"])
    return Score(
        scenario=scenario.name,
        family=scenario.family,
        graded=graded,
        unmeasured=max(0, wanted - measured),
        pairs_to_decision=_pairs_to_decision(cycles),
        cycle_seconds=tuple((end.ended_at - end.started_at).total_seconds() for end in ends),
        cycle_bytes=tuple(end.bytes_sent + end.bytes_received for end in ends),
        wall_seconds=wall_seconds,
    )


def _grade_all(scenario: Scenario, states: Iterable[dict[str, Any]], slot_of: dict[str, int]) -> Iterable[Graded]:
    targets = {target.name: target for target in scenario.schedule.targets}
    for state in states:
        slot = slot_of[state["measurement"]]
        truth = scenario.truth_of(state["vantage"], targets[state["target"]], slot)
        found = grade(truth, state["state"])
        if state["kind"] != TargetKind.TARGET and found is not Grade.FALSE_ACCUSATION:
            continue
        named = tuple(state["mechanisms"])
        is_named = truth.mechanism is not None and state["state"] in ACCUSING
        yield Graded(
            vantage=state["vantage"],
            target=state["target"],
            slot=slot,
            truth=truth.state,
            state=state["state"],
            grade=found,
            mechanism=truth.mechanism,
            mechanisms=named,
            is_mechanism_right=is_mechanism_right(truth.mechanism, named) if is_named and truth.mechanism else None,
            rules=tuple(evidence["rule"] for evidence in state["evidence"]),
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
