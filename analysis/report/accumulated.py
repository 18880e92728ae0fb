"""Paired tests as they accumulate: the e-value after every round, beside its two guards and the floor for a claim.

The values are those that the analysis stored, taken apart by time: the last point of a curve is the stored one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from analysis.pairs import NO_PAIRS, Standing, Tally, standings, tally
from analysis.reading import read_cycles
from analysis.report import bounds
from analysis.report.wording import short
from probe.model import Peer
from probe.store.models import Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from analysis.facts import CycleFacts, PairFacts
    from analysis.report.axis import Axis
    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Grid

FLOOR_LOG10_E = 3.0
"""The floor for a claim from pairs."""

_HEADROOM = 1.08
_LEAST_TOP = 4.0
_LEAST_BOTTOM = -1.0

Series = tuple[str, str, str]
"""Vantage, target and kind of name, of pairs at a helper."""
Steps = list[tuple["datetime", Tally]]


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight piece of a curve, in per cent of the axis from the left and of the height from the top."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One series of a picture."""

    kind: str
    """``target``, ``sentinel`` or ``calibration``."""
    segments: tuple[Segment, ...]
    last_log10_e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulation:
    """One paired test over time."""

    vantage_id: str
    service: str
    target: str
    name_kind: str
    curves: tuple[Curve, ...]
    floor: float
    """Height of the floor, in per cent from the top."""
    zero: float
    top: float
    """log10 E at the upper edge."""
    summary: str
    pairs: int
    discordant: int
    target_failed: int


def accumulate(session: Session, grid: Grid, axis: Axis | None, words: Catalogue) -> tuple[Accumulation, ...]:
    """Draw the clearest paired test of each service; none where no pairs were made."""
    if axis is None or session.scalar(select(Pair.pair_id).limit(1)) is None:
        return ()
    targets, negatives = steps_of(read_cycles(session))
    service_of = {reading.target: reading.service for reading in grid.targets}
    sentinels = {place.vantage_id for place in grid.places if place.is_sentinel}
    best: dict[str, Series] = {}
    for series in sorted(targets, key=lambda one: (-targets[one][-1][1].log10_e, one)):
        if series[0] not in sentinels and series[1] in service_of:
            best.setdefault(service_of[series[1]], series)
    chosen = sorted(best.items(), key=lambda item: (-targets[item[1]][-1][1].log10_e, item))[: bounds.CURVES]
    found = []
    for service, series in chosen:
        outside = [steps for one, steps in sorted(targets.items()) if one[0] in sentinels and one[1:] == series[1:]]
        guard = max(outside, key=lambda steps: steps[-1][1].log10_e, default=[])
        beside = {
            "target": targets[series],
            "sentinel": guard,
            "calibration": negatives.get((series[0], series[2]), []),
        }
        found.append(_draw(service, series, beside, axis, words))
    return tuple(found)


def steps_of(cycles: Sequence[CycleFacts]) -> tuple[dict[Series, Steps], dict[tuple[str, str], Steps]]:
    """Sum up the pairs at helpers over time: of each series, and of each vantage's pairs of two innocuous names."""
    targets: dict[Series, Steps] = defaultdict(list)
    negatives: dict[tuple[str, str], Steps] = defaultdict(list)
    shared: dict[str, int] = defaultdict(int)
    for cycle in cycles:
        shared[cycle.seed_commitment] += 1
    for cycle in sorted(cycles, key=lambda one: (one.started_at, one.cycle_id)):
        standing = standings(cycle, is_seed_shared=shared[cycle.seed_commitment] > 1)
        vantage = cycle.vantage.vantage_id
        groups: dict[Series, list[PairFacts]] = defaultdict(list)
        calm: dict[tuple[str, str], list[PairFacts]] = defaultdict(list)
        for measurement in cycle.measurements:
            for pair in measurement.pairs:
                if standing[pair.pair_id] is not Standing.COUNTED or pair.peer != Peer.HELPER.value:
                    continue
                if pair.is_negative_control:
                    calm[vantage, pair.name_kind].append(pair)
                else:
                    groups[vantage, measurement.target, pair.name_kind].append(pair)
        _add(targets, groups, cycle.slot_at or cycle.started_at)
        _add(negatives, calm, cycle.slot_at or cycle.started_at)
    return dict(targets), dict(negatives)


def _add(sums: dict[Any, Steps], groups: Mapping[Any, Iterable[PairFacts]], at: datetime) -> None:
    for key, pairs in groups.items():
        before = sums[key][-1][1] if sums[key] else NO_PAIRS
        sums[key].append((at, before + tally(pairs)))


def _draw(service: str, series: Series, beside: Mapping[str, Steps], axis: Axis, words: Catalogue) -> Accumulation:
    values = [one.log10_e for steps in beside.values() for _, one in steps]
    top = max(_LEAST_TOP, max(values) * _HEADROOM)
    bottom = min(_LEAST_BOTTOM, min(values) * _HEADROOM)

    def height(value: float) -> float:
        return 100 * (top - value) / (top - bottom)

    curves = tuple(
        Curve(kind, tuple(_segments(steps, axis, height)), steps[-1][1].log10_e)
        for kind, steps in beside.items()
        if steps
    )
    vantage_id, target, name_kind = series
    last = beside["target"][-1][1]
    return Accumulation(
        vantage_id=vantage_id,
        service=service,
        target=target,
        name_kind=name_kind,
        curves=curves,
        floor=height(FLOOR_LOG10_E),
        zero=height(0.0),
        top=top,
        summary=words.text(
            "accumulated.summary",
            service=short(service),
            target=short(target),
            vantage=short(vantage_id),
            pairs=words.count("count.pair", last.pairs),
            discordant=words.number(last.discordant),
            target_failed=words.number(last.target_failed),
            e=f"{last.log10_e:.1f}",
        ),
        pairs=last.pairs,
        discordant=last.discordant,
        target_failed=last.target_failed,
    )


def _segments(steps: Steps, axis: Axis, height: Callable[[float], float]) -> Iterable[Segment]:
    """Draw steps: a value holds until the next round changes it, and nothing is drawn before the first pair."""
    shown = steps
    if len(steps) > bounds.CURVE_POINTS:
        column = (axis.end - axis.start) / bounds.CURVE_POINTS
        shown = list({int((at - axis.start) / column): (at, one) for at, one in steps}.values())
    x, y = axis.percent(shown[0][0]), height(0.0)
    for at, one in shown:
        right, level = axis.percent(at), height(one.log10_e)
        if right > x:
            yield Segment(x, y, right, y)
        if level != y:
            yield Segment(right, y, right, level)
        x, y = right, level
    yield Segment(x, y, axis.percent(axis.last) if axis.percent(axis.last) > x else 100.0, y)
