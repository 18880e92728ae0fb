"""Pairs over several cycles: what belongs to one bet, and how high the bar stands for all bets together.

A *run* is what the pairs of one vantage and target are summed over: successive
cycles in which the routine measurement failed or a pair was discordant. It
ends with two calm cycles in a row or a long gap, so that a block that was
lifted last week lends nothing to a fault of today. Which cycles belong to a run
does not depend on which arm of a pair failed, and its end is a stopping time:
the e-value stays an e-value.

Every run is a hypothesis, and there are many. e-BH (Wang and Ramdas, 2022)
raises the bar so that the expected share of false ones among those that pass
stays under :data:`FALSE_DISCOVERY_RATE`, whatever their dependence.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.pairs import NO_PAIRS, Standing, Tally, forgery_of, has_failed, standings, tally
from probe.model import Peer, TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analysis.facts import CycleFacts, MeasurementFacts, PairFacts

CALM_CYCLES = 2
"""Calm cycles in a row that end a run. One is bridged: a rule on half of the flows spares whole cycles."""

RUN_GAP = timedelta(hours=6)
"""A longer silence of the vantage ends a run."""

WINDOW = timedelta(minutes=30)
"""Sentinels and other vantages are compared within it on either side: two slots of the default cadence."""

FALSE_DISCOVERY_RATE = 0.01

VIDEO_PARTS = ("media", "thumbnail")
"""What other hosts send of a video."""

Series = tuple[str, str, str, str]
"""Vantage, target, kind of name, peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRun:
    """The pairs of one run, of one kind of name and one peer, as one measurement of the run sees them."""

    name_kind: str
    peer: str
    part: str | None = None
    """Of a video: ``media`` or ``thumbnail``, where the name is that host's; ``None`` for the target's own name."""
    run: Tally
    own: Tally = NO_PAIRS
    """Of the measurement itself."""
    cycles: int = 1
    bar_log10: float = 0.0
    """What e-BH asks for, over all bets of the analysis."""
    sentinel: Tally | None = None
    """The same pairs made by sentinels during the run; ``None`` where there were none."""
    sentinel_log10_e: float = 0.0
    """The highest of the sentinels' own e-values."""
    failing: tuple[tuple[str, str], ...] = ()
    """Operation and failure of the target's arms that failed alone, the most frequent first."""
    witnesses: tuple[str, ...] = ()
    """The last rows of those arms."""

    @property
    def log10_e(self) -> float:
        """log10 of the run's e-value."""
        return self.run.log10_e


@dataclass(frozen=True, slots=True)
class Bets:
    """All pairs of an analysis, sorted into runs."""

    runs_of: dict[str, tuple[PairRun, ...]]
    """By measurement."""
    totals: dict[tuple[Series, bool], Tally]
    """Over everything that was read; the flag says negative control."""
    standing_of: dict[str, Standing]
    """By pair."""

    def negative_log10_e(self, vantage_id: str) -> float:
        """Give log10 of the e-value of all negative controls of a vantage taken together."""
        parts = (t for (series, is_negative), t in self.totals.items() if is_negative and series[0] == vantage_id)
        return sum(parts, Tally()).log10_e


@dataclass(frozen=True, slots=True)
class Entry:
    """One cycle's measurement of a target, with its pairs that stand."""

    cycle: CycleFacts
    measurement: MeasurementFacts
    pairs: tuple[PairFacts, ...]
    part: str | None = None


def place_bets(cycles: Sequence[CycleFacts]) -> Bets:
    """Sort every pair of ``cycles`` into totals and runs."""
    standing_of: dict[str, Standing] = {}
    totals: dict[tuple[Series, bool], Tally] = defaultdict(Tally)
    targets: dict[tuple[str, str, str | None], list[Entry]] = defaultdict(list)
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        standing = standings(cycle)
        standing_of |= standing
        for measurement in cycle.measurements:
            good = tuple(p for p in measurement.pairs if standing[p.pair_id] is Standing.COUNTED)
            for pair in good:
                series = (cycle.vantage.vantage_id, measurement.target, pair.name_kind, pair.peer)
                totals[series, pair.is_negative_control] += tally([pair])
            if measurement.kind == TargetKind.TARGET:
                kept = tuple(p for p in good if not p.is_negative_control)
                targets[cycle.vantage.vantage_id, measurement.target, None].append(Entry(cycle, measurement, kept))
            for part, pairs in _by_part(measurement, standing).items():
                for pair in pairs:
                    series = (cycle.vantage.vantage_id, pair.target_name, pair.name_kind, pair.peer)
                    totals[series, False] += tally([pair])
                entry = Entry(cycle, measurement, pairs, part)
                targets[cycle.vantage.vantage_id, measurement.target, part].append(entry)
    runs = {key: cut_into_runs(entries, _is_calm) for key, entries in targets.items()}
    sentinels = {key: entries for key, entries in targets.items() if entries and entries[0].cycle.vantage.is_sentinel}
    bar = _bar(runs)
    runs_of: dict[str, tuple[PairRun, ...]] = {}
    for key, several in sorted(runs.items(), key=lambda item: _sortable(item[0])):
        others = [
            entry
            for other, entries in sorted(sentinels.items(), key=lambda item: _sortable(item[0]))
            if other[1:] == key[1:] and other != key
            for entry in entries
        ]
        for run in several:
            for measurement_id, seen in _seen_from_each(run, others, bar).items():
                runs_of[measurement_id] = (*runs_of.get(measurement_id, ()), *seen)
    return Bets(runs_of, dict(totals), standing_of)


def _by_part(measurement: MeasurementFacts, standing: dict[str, Standing]) -> dict[str, tuple[PairFacts, ...]]:
    """Give the good pairs of a video's other hosts, by what they send.

    A platform gives every client other hosts for its films, under one domain: so the sentinel's pairs are of the same
    part, and seldom of the same name.
    """
    parts = {step.name: step.variant for step in measurement.of_look("video") if step.variant in VIDEO_PARTS}
    found: dict[str, list[PairFacts]] = defaultdict(list)
    for pair in measurement.host_pairs:
        part = parts.get(pair.target_name)
        if part is not None and standing[pair.pair_id] is Standing.COUNTED:
            found[part].append(pair)
    return {part: tuple(pairs) for part, pairs in sorted(found.items())}


def _sortable(key: tuple[str, str, str | None]) -> tuple[str, str, str]:
    return key[0], key[1], key[2] or ""


def _is_calm(entry: Entry) -> bool:
    is_reached = entry.measurement.outcome.is_reached or entry.part is not None
    return is_reached and tally(entry.pairs).discordant == 0


def cut_into_runs(entries: Sequence[Entry], is_calm: Callable[[Entry], bool]) -> list[list[Entry]]:
    """Cut a series, in order of time, into runs; what is calm and in no run is left out."""
    runs: list[list[Entry]] = []
    current: list[Entry] = []
    calm: list[Entry] = []
    for entry in entries:
        last = (calm or current)[-1:] if current else []
        if last and entry.cycle.started_at - last[0].cycle.started_at > RUN_GAP:
            runs.append(current)
            current, calm = [], []
        if not is_calm(entry):
            current += [*calm, entry]
            calm = []
        elif current:
            calm.append(entry)
            if len(calm) >= CALM_CYCLES:
                runs.append(current)
                current, calm = [], []
    return [*runs, current] if current else runs


def _by_kind(pairs: Iterable[PairFacts]) -> dict[tuple[str, str], list[PairFacts]]:
    grouped: dict[tuple[str, str], list[PairFacts]] = defaultdict(list)
    for pair in pairs:
        grouped[pair.name_kind, pair.peer].append(pair)
    return dict(sorted(grouped.items()))


def _bar(runs: dict[tuple[str, str, str | None], list[list[Entry]]]) -> float:
    """Give log10 of the e-value that e-BH asks for, over the runs of all vantages that are no sentinels."""
    values: list[float] = []
    for several in runs.values():
        for run in several:
            if run[0].cycle.vantage.is_sentinel:
                continue
            grouped = _by_kind(pair for entry in run for pair in entry.pairs)
            values += [tally(pairs).log10_e for (_, peer), pairs in grouped.items() if peer == Peer.HELPER]
    return e_bh_bar(values)


def e_bh_bar(log10_values: Sequence[float], rate: float = FALSE_DISCOVERY_RATE) -> float:
    """Give log10 of the e-value from which on hypotheses are rejected at false discovery rate ``rate``."""
    count = max(len(log10_values), 1)
    highest = math.log10(count / rate)
    passing = [
        rank
        for rank, value in enumerate(sorted(log10_values, reverse=True), start=1)
        if value >= highest - math.log10(rank)
    ]
    return highest - math.log10(max(passing, default=1))


def _seen_from_each(run: Sequence[Entry], sentinels: Sequence[Entry], bar: float) -> dict[str, tuple[PairRun, ...]]:
    start, end = run[0].cycle.started_at - WINDOW, run[-1].cycle.started_at + WINDOW
    beside = [entry for entry in sentinels if start <= entry.cycle.started_at <= end]
    grouped = _by_kind(pair for entry in run for pair in entry.pairs)
    shared = [_pair_run(kind, peer, pairs, beside, cycles=len(run), bar=bar) for (kind, peer), pairs in grouped.items()]
    seen: dict[str, tuple[PairRun, ...]] = {}
    for entry in run:
        own = _by_kind(entry.pairs)
        seen[entry.measurement.measurement_id] = tuple(
            PairRun(
                name_kind=s.name_kind,
                peer=s.peer,
                part=run[0].part,
                run=s.run,
                own=tally(own.get((s.name_kind, s.peer), ())),
                cycles=s.cycles,
                bar_log10=s.bar_log10,
                sentinel=s.sentinel,
                sentinel_log10_e=s.sentinel_log10_e,
                failing=s.failing,
                witnesses=s.witnesses,
            )
            for s in shared
        )
    return seen


def _pair_run(
    kind: str, peer: str, pairs: Sequence[PairFacts], beside: Sequence[Entry], *, cycles: int, bar: float
) -> PairRun:
    per_sentinel: dict[str, Tally] = defaultdict(Tally)
    for entry in beside:
        same = [pair for pair in entry.pairs if (pair.name_kind, pair.peer) == (kind, peer)]
        if same:
            per_sentinel[entry.cycle.vantage.vantage_id] += tally(same)
    alone = [
        pair.target_arm
        for pair in pairs
        if pair.target_arm is not None
        and pair.control_arm is not None
        and has_failed(pair, pair.target_arm)
        and not has_failed(pair, pair.control_arm)
    ]
    counts = Counter((arm.operation, forgery_of(arm) or arm.failure or "") for arm in alone)
    return PairRun(
        name_kind=kind,
        peer=peer,
        run=tally(pairs),
        cycles=cycles,
        bar_log10=bar,
        sentinel=sum(per_sentinel.values(), Tally()) if per_sentinel else None,
        sentinel_log10_e=max((t.log10_e for t in per_sentinel.values()), default=0.0),
        failing=tuple(sorted(counts, key=lambda failure: (-counts[failure], failure))),
        witnesses=tuple(arm.observation_id for arm in alone),
    )
