"""From rounds to cells: what each target came to in each round, and the sums over a vantage's cells."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.facts import CONTROL_KINDS
from analysis.grid.rounds import lines_of, passes_of
from analysis.times import iso
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analysis.facts import CycleFacts, MissedFacts
    from analysis.grid.rounds import Line, Pass, Round

CELL_KINDS = frozenset({TargetKind.TARGET.value, *(kind.value for kind in CONTROL_KINDS)})
"""Targets and controls have cells. Portal checks ask nothing of a site."""


class Kind(StrEnum):
    """What a cell says."""

    RAN = "ran"
    FAILED = "failed"
    MISSED = "missed"
    NOT_YET_HEARD = "not-yet-heard"


class Cell(NamedTuple):
    """One vantage, target and slot."""

    vantage_id: str
    target: str
    slot_at: datetime
    kind: str
    why: str
    """The state where it was measured; the reason where it was missed."""
    late_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The rounds of every vantage, by its name in order."""

    lines: Mapping[str, Line]
    end: datetime | None
    """The last slot of anybody, or the moment as of which it was asked; ``None`` where nothing was heard."""


def grid_of(
    cycles: Iterable[CycleFacts],
    missed: Iterable[MissedFacts],
    states: Mapping[str, str],
    *,
    as_of: datetime | None = None,
) -> Grid:
    """Build the grid from facts; a pure function.

    ``states``: the state of each measurement. ``as_of``: the grid as it was known at that moment, by arrival: what
    came later is not heard yet.
    """
    return grid_of_passes(passes_of(cycles, states, CELL_KINDS), missed, as_of=as_of)


def grid_of_passes(passes: Iterable[Pass], missed: Iterable[MissedFacts], *, as_of: datetime | None = None) -> Grid:
    """Build the grid from passes that were put together elsewhere."""
    lines = lines_of(passes, missed, as_of)
    return Grid(lines=lines, end=as_of or max((line.rounds[-1].slot_at for line in lines.values()), default=None))


def cells_of(grid: Grid) -> Iterator[Cell]:
    """Give every cell, by vantage, slot and target."""
    for line in grid.lines.values():
        yield from _cells_of_line(line)


def _cells_of_line(line: Line) -> Iterator[Cell]:
    """Give a vantage's cells. What was to be measured in a slot without a cycle is what the cycle before it was to."""
    vantage_id = line.vantage.vantage_id
    plans = _plans(line.rounds)
    plan = next((one.ran.plan for one in line.rounds if one.ran is not None), "")
    for one in line.rounds:
        if one.ran is not None:
            plan = one.ran.plan
        late_s = one.late_s
        if one.ran is None:
            kind, why = (Kind.MISSED.value, one.missed) if one.missed else (Kind.NOT_YET_HEARD.value, "")
            for target in plans.get(plan, ()):
                yield Cell(vantage_id, target, one.slot_at, kind, why, late_s)
            continue
        found, left_out = one.ran.found, _why_left_out(one.ran.outcome)
        for target in plans[plan]:
            state = found.get(target)
            if state is None:
                yield Cell(vantage_id, target, one.slot_at, Kind.MISSED.value, left_out, late_s)
            else:
                kind = Kind.RAN.value if state == "ok" else Kind.FAILED.value
                yield Cell(vantage_id, target, one.slot_at, kind, state, late_s)


def _plans(rounds: Iterable[Round]) -> dict[str, list[str]]:
    """Give the targets of each plan: all that any cycle under it measured."""
    targets: dict[str, set[str]] = defaultdict(set)
    for one in rounds:
        if one.ran is not None:
            targets[one.ran.plan].update(one.ran.found)
    return {plan: sorted(names) for plan, names in targets.items()}


def _why_left_out(outcome: str | None) -> str:
    """Say why a cycle has no measurement of a target: it ended early, its end was never told, or it left it out."""
    return {"interrupted": "interrupted", None: "unfinished"}.get(outcome, "left-out")


def summary_of(grid: Grid) -> dict[str, Any]:
    """Give the sums that ``analyze --json`` prints: rounds in ``slots``, cells in all other counts.

    No lateness: when a fact arrived belongs to the database, and a copy of the facts must give the same bytes.
    """
    return {
        "until": iso(grid.end) if grid.end else None,
        "vantages": [_summary_of_line(line) for line in grid.lines.values()],
    }


def _summary_of_line(line: Line) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for cell in _cells_of_line(line):
        kinds[cell.kind] += 1
        if cell.kind == Kind.MISSED:
            reasons[cell.why] += 1
    return {
        "vantage": line.vantage.vantage_id,
        "since": iso(line.rounds[0].slot_at),
        "cadence_s": line.cadence.total_seconds() if line.cadence else None,
        "slots": len(line.rounds),
        "ran": kinds[Kind.RAN],
        "failed": kinds[Kind.FAILED],
        "missed": dict(sorted(reasons.items())),
        "not_yet_heard": kinds[Kind.NOT_YET_HEARD],
    }


def as_values(grid: Grid) -> Iterator[dict[str, object]]:
    """Give every cell as the values of a row of table ``grid``."""
    return (cell._asdict() for cell in cells_of(grid))
