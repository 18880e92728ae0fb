"""Transfers over several cycles: what belongs to one bet, and what the sentinels' transfers say beside it.

Runs are cut as those of name-swap pairs are (:mod:`analysis.runs`): a cycle
belongs to one where the measurement failed or two rates were far apart, in
either direction, so that which arm was slow has no part in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from analysis.combining import e_bh_bar
from analysis.pairs import Standing
from analysis.runs import WINDOW, Entry, cut_into_runs
from analysis.sums import Negatives
from analysis.transfers import Sample, counted
from probe.model import TargetKind
from probe.rates import is_far_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.facts import CycleFacts, PairFacts
    from analysis.runs import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRun:
    """The transfers of one run, of one kind of name and one peer, as one measurement of the run sees them."""

    name_kind: str
    peer: str
    run: Sample
    own: Sample
    """Of the measurement itself."""
    cycles: int = 1
    bar_log10: float = 0.0
    """What e-BH asks for, over all bets on transfers."""
    sentinel: Sample | None = None
    """The same transfers made by sentinels during the run; ``None`` where there were none."""
    sentinel_log10_e: float = 0.0
    """The highest of the sentinels' own e-values."""
    negative_log10_e: float = 0.0
    """The highest e-value of this vantage's transfers of two innocuous names during the run."""


@dataclass(frozen=True, slots=True)
class TransferBets:
    """All transfers of an analysis, sorted into runs."""

    runs_of: dict[str, tuple[TransferRun, ...]] = field(default_factory=dict)
    """By measurement."""
    totals: dict[tuple[Series, bool], Sample] = field(default_factory=dict)
    """Over everything that was read; the flag says negative control."""
    negatives: Negatives = field(default_factory=Negatives)

    def negative_log10_e(self, vantage_id: str) -> float:
        """Give the highest log10 of the e-values of a vantage's transfers of two innocuous names."""
        return self.negatives.log10_e(vantage_id)


def place_transfers(cycles: Sequence[CycleFacts], standing_of: Mapping[str, Standing]) -> TransferBets:
    """Sort every transfer of ``cycles`` that stands into totals and runs; linear in their number."""
    totals: dict[tuple[Series, bool], list[PairFacts]] = defaultdict(list)
    targets: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    negatives = Negatives()
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        vantage = cycle.vantage.vantage_id
        for measurement in cycle.measurements:
            good = [p for p in measurement.transfers if standing_of[p.pair_id] is Standing.COUNTED]
            for pair in good:
                series = (vantage, measurement.target, pair.name_kind, pair.peer)
                totals[series, pair.is_negative_control].append(pair)
                if pair.is_negative_control:
                    negatives.add(vantage, pair.name_kind, cycle.started_at, Sample(counted([pair])).tally)
            if measurement.kind == TargetKind.TARGET:
                kept = tuple(pair for pair in good if not pair.is_negative_control)
                targets[vantage, measurement.target].append(Entry(cycle, measurement, kept))
    runs = {key: cut_into_runs(entries, _is_calm) for key, entries in targets.items()}
    bars = _bars(runs.values())
    sentinels: dict[str, list[list[Entry]]] = defaultdict(list)
    for (_, target), entries in sorted(targets.items()):
        if entries[0].cycle.vantage.is_sentinel:
            sentinels[target].append(entries)
    runs_of: dict[str, tuple[TransferRun, ...]] = {}
    for (vantage, target), several in sorted(runs.items()):
        others = [entries for entries in sentinels[target] if entries[0].cycle.vantage.vantage_id != vantage]
        for run in several:
            start, end = run[0].cycle.started_at - WINDOW, run[-1].cycle.started_at + WINDOW
            negative = negatives.log10_e(vantage, start, end)
            beside = [_within(entries, start, end) for entries in others]
            runs_of |= _seen_from_each(run, beside, bars, negative)
    return TransferBets(runs_of, {key: Sample(counted(pairs)) for key, pairs in totals.items()}, negatives)


def _within(entries: Sequence[Entry], start: datetime, end: datetime) -> Sequence[Entry]:
    first = bisect_left(entries, start, key=lambda entry: entry.cycle.started_at)
    return entries[first : bisect_right(entries, end, key=lambda entry: entry.cycle.started_at)]


def _is_calm(entry: Entry) -> bool:
    return entry.measurement.outcome.is_reached and not any(
        is_far_apart(transfer.log_ratio) for transfer in counted(entry.pairs)
    )


def _bars(runs: Iterable[list[list[Entry]]]) -> dict[str, float]:
    """Give log10 of the e-value that e-BH asks for, by peer, over the runs of all vantages that are no sentinels."""
    values: dict[str, list[float]] = defaultdict(list)
    for several in runs:
        for run in several:
            if not run[0].cycle.vantage.is_sentinel:
                for (_, peer), pairs in _by_kind(run).items():
                    values[peer].append(Sample(counted(pairs)).log10_e)
    return defaultdict(lambda: e_bh_bar([]), {peer: e_bh_bar(several) for peer, several in values.items()})


def _by_kind(entries: Iterable[Entry]) -> dict[tuple[str, str], list[PairFacts]]:
    grouped: dict[tuple[str, str], list[PairFacts]] = defaultdict(list)
    for entry in entries:
        for pair in entry.pairs:
            grouped[pair.name_kind, pair.peer].append(pair)
    return dict(sorted(grouped.items()))


def _seen_from_each(
    run: Sequence[Entry], beside: Sequence[Sequence[Entry]], bars: Mapping[str, float], negative_log10_e: float
) -> dict[str, tuple[TransferRun, ...]]:
    of_sentinels = [_by_kind(entries) for entries in beside]
    shared: dict[tuple[str, str], TransferRun] = {}
    for key, pairs in _by_kind(run).items():
        there = [sample for kinds in of_sentinels if (sample := Sample(counted(kinds.get(key, ())))).transfers]
        shared[key] = TransferRun(
            name_kind=key[0],
            peer=key[1],
            run=Sample(counted(pairs)),
            own=Sample(),
            cycles=len(run),
            bar_log10=bars[key[1]],
            sentinel=Sample(tuple(t for sample in there for t in sample.transfers)) if there else None,
            sentinel_log10_e=max((sample.log10_e for sample in there), default=0.0),
            negative_log10_e=negative_log10_e,
        )
    seen: dict[str, tuple[TransferRun, ...]] = {}
    for entry in run:
        own = _by_kind([entry])
        seen[entry.measurement.measurement_id] = tuple(
            replace(one, own=Sample(counted(own.get(key, ())))) for key, one in shared.items()
        )
    return seen
