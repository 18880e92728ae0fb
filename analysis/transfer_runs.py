"""Transfers over several cycles: what belongs to one bet, and what the sentinels' transfers say beside it.

Runs are cut as those of name-swap pairs are (:mod:`analysis.runs`): a cycle
belongs to one where the measurement failed or two rates were far apart, in
either direction, so that which arm was slow has no part in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.pairs import Standing
from analysis.runs import WINDOW, Entry, cut_into_runs, e_bh_bar
from analysis.transfers import Sample, counted
from probe.model import Peer, TargetKind
from probe.rates import is_far_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


@dataclass(frozen=True, slots=True)
class TransferBets:
    """All transfers of an analysis, sorted into runs."""

    runs_of: dict[str, tuple[TransferRun, ...]] = field(default_factory=dict)
    """By measurement."""
    totals: dict[tuple[Series, bool], Sample] = field(default_factory=dict)
    """Over everything that was read; the flag says negative control."""

    def negative_log10_e(self, vantage_id: str) -> float:
        """Give log10 of the e-value of all transfers of two innocuous names, of a vantage."""
        parts = (s for (series, is_negative), s in self.totals.items() if is_negative and series[0] == vantage_id)
        return sum(parts, Sample()).log10_e


def place_transfers(cycles: Sequence[CycleFacts], standing_of: Mapping[str, Standing]) -> TransferBets:
    """Sort every transfer of ``cycles`` that stands into totals and runs."""
    totals: dict[tuple[Series, bool], Sample] = defaultdict(Sample)
    targets: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        vantage = cycle.vantage.vantage_id
        for measurement in cycle.measurements:
            good = [p for p in measurement.transfers if standing_of[p.pair_id] is Standing.COUNTED]
            for pair in good:
                series = (vantage, measurement.target, pair.name_kind, pair.peer)
                totals[series, pair.is_negative_control] += Sample(counted([pair]))
            if measurement.kind == TargetKind.TARGET:
                kept = tuple(pair for pair in good if not pair.is_negative_control)
                targets[vantage, measurement.target].append(Entry(cycle, measurement, kept))
    runs = {key: cut_into_runs(entries, _is_calm) for key, entries in targets.items()}
    bar = _bar(runs.values())
    runs_of: dict[str, tuple[TransferRun, ...]] = {}
    for (vantage, target), several in sorted(runs.items()):
        others = [
            entry
            for (place, name), entries in sorted(targets.items())
            if name == target and place != vantage and entries[0].cycle.vantage.is_sentinel
            for entry in entries
        ]
        for run in several:
            runs_of |= _seen_from_each(run, others, bar)
    return TransferBets(runs_of, dict(totals))


def _is_calm(entry: Entry) -> bool:
    return entry.measurement.outcome.is_reached and not any(
        is_far_apart(transfer.log_ratio) for transfer in counted(entry.pairs)
    )


def _bar(runs: Iterable[list[list[Entry]]]) -> float:
    """Give log10 of the e-value that e-BH asks for, over the runs of all vantages that are no sentinels."""
    return e_bh_bar(
        [
            Sample(counted(pairs)).log10_e
            for several in runs
            for run in several
            if not run[0].cycle.vantage.is_sentinel
            for (_, peer), pairs in _by_kind(run).items()
            if peer == Peer.HELPER
        ]
    )


def _by_kind(entries: Iterable[Entry]) -> dict[tuple[str, str], list[PairFacts]]:
    grouped: dict[tuple[str, str], list[PairFacts]] = defaultdict(list)
    for entry in entries:
        for pair in entry.pairs:
            grouped[pair.name_kind, pair.peer].append(pair)
    return dict(sorted(grouped.items()))


def _seen_from_each(run: Sequence[Entry], sentinels: Sequence[Entry], bar: float) -> dict[str, tuple[TransferRun, ...]]:
    start, end = run[0].cycle.started_at - WINDOW, run[-1].cycle.started_at + WINDOW
    beside: dict[str, list[Entry]] = defaultdict(list)
    for entry in sentinels:
        if start <= entry.cycle.started_at <= end:
            beside[entry.cycle.vantage.vantage_id].append(entry)
    of_sentinels = [_by_kind(entries) for entries in beside.values()]
    shared = _by_kind(run)
    seen: dict[str, tuple[TransferRun, ...]] = {}
    for entry in run:
        own = _by_kind([entry])
        made = []
        for key, pairs in shared.items():
            there = [sample for kinds in of_sentinels if (sample := Sample(counted(kinds.get(key, ())))).transfers]
            made.append(
                TransferRun(
                    name_kind=key[0],
                    peer=key[1],
                    run=Sample(counted(pairs)),
                    own=Sample(counted(own.get(key, ()))),
                    cycles=len(run),
                    bar_log10=bar,
                    sentinel=sum(there, Sample()) if there else None,
                    sentinel_log10_e=max((sample.log10_e for sample in there), default=0.0),
                )
            )
        seen[entry.measurement.measurement_id] = tuple(made)
    return seen
