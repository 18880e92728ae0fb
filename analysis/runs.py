"""Pairs over several cycles: what belongs to one bet, and how high the bar stands for all bets together.

A *run* is what the pairs of one vantage and target are summed over: successive
cycles in which the routine measurement failed or a pair was discordant. It
ends with two calm cycles in a row or a long gap, so that a block that was
lifted last week lends nothing to a fault of today. Which cycles belong to a run
does not depend on which arm of a pair failed, and its end is a stopping time:
the e-value stays an e-value.

Every run is a hypothesis, and there are many: e-BH raises the bar
(:mod:`analysis.combining`). The e-values are those at the time of the report,
which is the end of the data that were read; no highest value on the way counts.

The work is linear in the number of pairs: what stands beside a run is taken
from sums over time, never looked through again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from analysis.combining import e_bh_bar
from analysis.dating import changes_of
from analysis.pairs import NO_PAIRS, Standing, Tally, forgery_of, has_failed, standings, tally
from analysis.sums import Negatives, Sums
from probe.model import Peer, TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analysis.detectors import Change
    from analysis.facts import CycleFacts, MeasurementFacts, PairFacts

CALM_CYCLES = 2
"""Calm cycles in a row that end a run. One is bridged: a rule on half of the flows spares whole cycles."""

RUN_GAP = timedelta(hours=6)
"""A longer silence of the vantage ends a run."""

WINDOW = timedelta(minutes=30)
"""Sentinels and other vantages are compared within it on either side: two slots of the default cadence."""

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
    negative_log10_e: float = 0.0
    """The highest e-value of this vantage's negative controls during the run, of all and of each kind of name."""
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
    changes_of: dict[Series, tuple[Change, ...]] = field(default_factory=dict)
    """Onsets and ends of the series in which some run at a helper passed the bar."""
    negatives: Negatives = field(default_factory=Negatives)

    def negative_log10_e(self, vantage_id: str) -> float:
        """Give the highest log10 of the e-values of a vantage's negative controls, over everything that was read."""
        return self.negatives.log10_e(vantage_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One cycle's measurement of a target, with its pairs that stand."""

    cycle: CycleFacts
    measurement: MeasurementFacts
    pairs: tuple[PairFacts, ...]
    part: str | None = None


_Key = tuple[str, str, str | None]
"""Vantage, target, and of a video what another host sends."""


def place_bets(cycles: Sequence[CycleFacts]) -> Bets:
    """Sort every pair of ``cycles`` into totals and runs."""
    standing_of: dict[str, Standing] = {}
    totals: dict[tuple[Series, bool], Tally] = defaultdict(Tally)
    negatives = Negatives()
    targets: dict[_Key, list[Entry]] = defaultdict(list)
    seeds = Counter(cycle.seed_commitment for cycle in cycles)
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        vantage = cycle.vantage.vantage_id
        standing = standings(cycle, is_seed_shared=seeds[cycle.seed_commitment] > 1)
        standing_of |= standing
        for measurement in cycle.measurements:
            good = tuple(p for p in measurement.pairs if standing[p.pair_id] is Standing.COUNTED)
            for pair in good:
                one = tally([pair])
                totals[(vantage, measurement.target, pair.name_kind, pair.peer), pair.is_negative_control] += one
                if pair.is_negative_control:
                    negatives.add(vantage, pair.name_kind, cycle.started_at, one)
            if measurement.kind == TargetKind.TARGET:
                kept = tuple(p for p in good if not p.is_negative_control)
                targets[vantage, measurement.target, None].append(Entry(cycle, measurement, kept))
            for part, pairs in _by_part(measurement, standing).items():
                for pair in pairs:
                    totals[(vantage, pair.target_name, pair.name_kind, pair.peer), False] += tally([pair])
                targets[vantage, measurement.target, part].append(Entry(cycle, measurement, pairs, part))
    runs = {key: cut_into_runs(entries, _is_calm) for key, entries in targets.items()}
    bars = _bars(runs)
    sentinels = _sums_of_sentinels(targets)
    runs_of: dict[str, tuple[PairRun, ...]] = {}
    for key, several in sorted(runs.items(), key=lambda item: _sortable(item[0])):
        others = [sums for vantage, sums in sentinels.get(key[1:], {}).items() if vantage != key[0]]
        for run in several:
            for measurement_id, seen in _seen_from_each(run, others, negatives, bars).items():
                runs_of[measurement_id] = (*runs_of.get(measurement_id, ()), *seen)
    dated = {
        (key[0], key[1], kind, Peer.HELPER.value): found
        for key, several in sorted(runs.items(), key=lambda item: _sortable(item[0]))
        if key[2] is None
        for kind, found in changes_of(targets[key], several, bars[Peer.HELPER]).items()
    }
    return Bets(runs_of, dict(totals), standing_of, dated, negatives)


_KindAndPeer = tuple[str, str]


def _sums_of_sentinels(
    targets: dict[_Key, list[Entry]],
) -> dict[tuple[str, str | None], dict[str, dict[_KindAndPeer, Sums]]]:
    """Sum up the sentinels' pairs over time: by target and part, by sentinel, by kind of name and peer."""
    found: dict[tuple[str, str | None], dict[str, dict[_KindAndPeer, Sums]]] = defaultdict(dict)
    for (vantage, target, part), entries in sorted(targets.items(), key=lambda item: _sortable(item[0])):
        if not entries[0].cycle.vantage.is_sentinel:
            continue
        sums: dict[_KindAndPeer, Sums] = defaultdict(Sums)
        for entry in entries:
            for pair in entry.pairs:
                sums[pair.name_kind, pair.peer].add(entry.cycle.started_at, tally([pair]))
        found[target, part][vantage] = sums
    return found


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


def _sortable(key: _Key) -> tuple[str, str, str]:
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


def _bars(runs: dict[_Key, list[list[Entry]]]) -> dict[str, float]:
    """Give log10 of the e-value that e-BH asks for, over the runs of all vantages that are no sentinels.

    By peer: servers that read names themselves would win so many bets that the bar fell for those at helpers.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for several in runs.values():
        for run in several:
            if run[0].cycle.vantage.is_sentinel:
                continue
            for (_, peer), pairs in _by_kind(pair for entry in run for pair in entry.pairs).items():
                values[peer].append(tally(pairs).log10_e)
    return defaultdict(lambda: e_bh_bar([]), {peer: e_bh_bar(several) for peer, several in values.items()})


def _seen_from_each(
    run: Sequence[Entry],
    sentinels: Sequence[dict[_KindAndPeer, Sums]],
    negatives: Negatives,
    bars: dict[str, float],
) -> dict[str, tuple[PairRun, ...]]:
    start, end = run[0].cycle.started_at - WINDOW, run[-1].cycle.started_at + WINDOW
    negative = negatives.log10_e(run[0].cycle.vantage.vantage_id, start, end)
    shared = []
    for (kind, peer), pairs in _by_kind(pair for entry in run for pair in entry.pairs).items():
        beside = [sums[kind, peer].between(start, end) for sums in sentinels if (kind, peer) in sums]
        shared.append(
            _pair_run(
                kind,
                peer,
                pairs,
                [there for there in beside if there.pairs],
                part=run[0].part,
                cycles=len(run),
                bar_log10=bars[peer],
                negative_log10_e=negative,
            )
        )
    seen: dict[str, tuple[PairRun, ...]] = {}
    for entry in run:
        own = _by_kind(entry.pairs)
        seen[entry.measurement.measurement_id] = tuple(
            replace(one, own=tally(own.get((one.name_kind, one.peer), ()))) for one in shared
        )
    return seen


def _pair_run(kind: str, peer: str, pairs: Sequence[PairFacts], sentinels: Sequence[Tally], **of_run: Any) -> PairRun:
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
        sentinel=sum(sentinels, Tally()) if sentinels else None,
        sentinel_log10_e=max((there.log10_e for there in sentinels), default=0.0),
        failing=tuple(sorted(counts, key=lambda failure: (-counts[failure], failure))),
        witnesses=tuple(arm.observation_id for arm in alone),
        **of_run,
    )
