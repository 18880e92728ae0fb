"""Scores the analysis, and every baseline, on one simulated episode. What comes out is small and holds no facts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from analysis.analyse import conclude
from analysis.evaluate.baselines import BASELINES
from analysis.evaluate.event_match import SHUTDOWN, UNDETERMINED_CAUSES, is_borne_out, is_by_somebody, match_events
from analysis.evaluate.grading import ancestry
from analysis.evaluate.observed import observe
from analysis.evaluate.simulate.episode import simulate
from analysis.evaluate.truth import ACCUSING, ACCUSING_CAUSES
from analysis.pairs import Standing, Tally, standings, tally
from probe.model import Peer, TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from analysis.analyse import Conclusions
    from analysis.evaluate.event_match import FalseEvent, GradedEvent
    from analysis.evaluate.observed import Seat
    from analysis.evaluate.simulate.episode import Episode, Generator

_Acted = dict[tuple[str, str], list[int]]

OURS = "nameblind"
DECIDED_LOG10_E = 3.0
MOST_LOG10 = 6.0
"""Evidence beyond it changes no probability that anybody could check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What one method said of one episode."""

    falsely: int
    """Series (vantage and target) that it accuses where nobody acts on them."""
    found_names: int
    """Series on whose name somebody acts, and that it accuses while he does."""
    found_dark: int
    """Series that somebody darkened, and that it accuses while he does."""
    delays_s: tuple[float, ...]
    """Of those found, from the first slot in which somebody acts to the one in which it says so."""
    alerts: int
    """Unbroken stretches of accusation, each of which somebody would have to read; of ours, accusing events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One event that the analysis published: how strongly its ledger says that somebody did it, and whether he did."""

    cause: str
    strength: float
    is_right: bool
    """Whether its cause is the true one, or one that the truth accepts."""
    is_by_somebody: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One episode, scored."""

    generator: str
    family: str
    is_held_out: bool
    seed: int
    innocents: int
    """Measurements on which nobody acted, those of controls too."""
    accused: tuple[str, ...]
    """Those of them whose state accuses somebody: vantage, target, slot, state and rule."""
    false_events: tuple[FalseEvent, ...]
    events: tuple[GradedEvent, ...]
    """True events whose cause can be told, graded."""
    open_named: tuple[str | None, ...]
    """The causes under which those are told of which an honest reading leaves the cause open."""
    mechanisms: tuple[int, int, int]
    """Nodes of paths that were true and named, named, true (:func:`analysis.evaluate.grading.ancestry`)."""
    claims: tuple[Claim, ...]
    acted_names: int
    """Series on whose name somebody acts."""
    acted_dark: int
    """Series that somebody darkened."""
    acts: int
    """True events that somebody brings about."""
    methods: Mapping[str, Method]
    pairs: tuple[int | None, ...]
    """Of every series with a rule on a name in a connection: pairs at helpers until E was a thousand."""

    @property
    def unborne(self) -> tuple[str, ...]:
        """Causes that the analysis names and nothing true bears out."""
        return tuple(c.cause for c in self.claims if not c.is_right and c.cause not in UNDETERMINED_CAUSES)

    @property
    def is_falsely_accusing(self) -> bool:
        """Whether the analysis accuses anybody of what nobody did."""
        return bool(self.accused or self.false_events)


def score(generator: Generator, seed: int) -> Score:
    """Simulate an episode, let the analysis and the baselines judge it, and hold them against its truth."""
    episode = simulate(generator, seed)
    conclusions = conclude(episode.cycles, episode.beside)
    events = [event.as_dict() for event in conclusions.events]
    judged = list(_judged(episode, conclusions))
    happened = match_events(events, episode.events)
    told = [graded for graded in happened.events if graded.name not in episode.must_be_undetermined]
    left_open = [graded for graded in happened.events if graded.name in episode.must_be_undetermined]
    acted = (_acted(episode, is_dark=False), _acted(episode, is_dark=True))
    observed = observe(episode.cycles, episode.start, episode.cadence_s, episode.slots)
    said = {baseline.name: baseline.accuse(observed) for baseline in BASELINES}
    ours = {seat for seat, state, _, _ in judged if state in ACCUSING}
    ours |= _covered(episode, events)
    return Score(
        generator=generator.name,
        family=generator.family.value,
        is_held_out=generator.held_out,
        seed=seed,
        innocents=sum(not episode.truth_of(*seat).is_acted_on for seat, _, _, _ in judged),
        accused=tuple(
            f"{' '.join(map(str, seat))} {state} {rule}"
            for seat, state, rule, _ in judged
            if state in ACCUSING and not episode.truth_of(*seat).is_acted_on
        ),
        false_events=happened.false,
        events=tuple(told),
        open_named=tuple(graded.named for graded in left_open),
        mechanisms=_mechanisms(episode, judged),
        claims=tuple(
            Claim(
                cause=event["cause"],
                strength=strength_of(event["ledger"]),
                is_right=is_borne_out(event, episode.events),
                is_by_somebody=is_by_somebody(event, episode.events),
            )
            for event in events
        ),
        acted_names=len(acted[0]),
        acted_dark=len(acted[1]),
        acts=sum(event.cause in ACCUSING_CAUSES for event in episode.events),
        methods={
            OURS: _method(episode, ours, acted, sum(event["cause"] in ACCUSING_CAUSES for event in events)),
            **{name: _method(episode, seats, acted, None) for name, seats in said.items()},
        },
        pairs=tuple(_pairs_until_decided(episode)),
    )  # fmt: skip


def strength_of(ledger: Iterable[Mapping[str, Any]]) -> float:
    """Give log10 of what a ledger says for somebody's doing: the best of channel A and the sum of B, each bounded."""
    of_channel: dict[str, list[float]] = defaultdict(list)
    for entry in ledger:
        of_channel[entry["channel"]].append(entry["log10_lr"])
    best = max(of_channel["A"], default=0.0)
    return max(-MOST_LOG10, min(MOST_LOG10, best)) + max(-MOST_LOG10, min(MOST_LOG10, sum(of_channel["B"])))


def _judged(episode: Episode, conclusions: Conclusions) -> Iterable[tuple[Seat, str, str | None, tuple[str, ...]]]:
    for judged in conclusions.judged:
        measurement, cycle = judged.facts.measurement, judged.facts.cycle
        begun = ((cycle.slot_at or cycle.started_at) - episode.start).total_seconds()
        seat = (measurement.vantage_id, measurement.target, round(begun / episode.cadence_s))
        yield seat, judged.decision.state.value, judged.decision.rule, judged.decision.mechanisms


def _acted(episode: Episode, *, is_dark: bool) -> _Acted:
    """Give the series on whose name somebody acts (or that he darkened), with the slots in which he does."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    kinds = {m.target: m.kind for cycle in episode.cycles for m in cycle.measurements}
    for slot in range(episode.slots):
        begin = slot * episode.cadence_s
        for span in episode.spans:
            if span.cause not in ACCUSING_CAUSES or not span.start <= begin < span.end or span.must_be_undetermined:
                continue
            if (span.cause == SHUTDOWN) is not is_dark:
                continue
            for vantage in sorted(span.vantages):
                for target in sorted(span.targets):
                    if kinds.get(target) == TargetKind.TARGET and found[vantage, target][-1:] != [slot]:
                        found[vantage, target].append(slot)
    return found


def _excusable(episode: Episode) -> set[tuple[str, str]]:
    """Give every series on which somebody acts at any time, mimics included: to accuse him is no wrong."""
    return {
        (vantage, target)
        for span in episode.spans
        if span.cause in ACCUSING_CAUSES
        for vantage in span.vantages
        for target in span.targets
    }


def _covered(episode: Episode, events: Iterable[Mapping[str, Any]]) -> set[Seat]:
    """Give the measurements that accusing events cover."""
    covered: set[Seat] = set()
    for event in events:
        if event["cause"] not in ACCUSING_CAUSES:
            continue
        first = datetime.fromisoformat(event["onset"][1])
        last = datetime.fromisoformat(event["end"][0]) if event["end"] else None
        for cycle in episode.cycles:
            at = cycle.slot_at or cycle.started_at
            if cycle.vantage.vantage_id not in event["scope"]["vantages"] or (last is not None and at > last):
                continue
            slot = round((at - episode.start).total_seconds() / episode.cadence_s)
            covered |= {
                (cycle.vantage.vantage_id, m.target, slot)
                for m in cycle.measurements
                if m.target in event["scope"]["targets"] and m.started_at >= first
            }
    return covered


def _method(episode: Episode, seats: set[Seat], acted: tuple[_Acted, _Acted], alerts: int | None) -> Method:
    by_series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for vantage, target, slot in sorted(seats):
        by_series[vantage, target].append(slot)
    excusable = _excusable(episode)
    delays: list[list[float]] = []
    for by_somebody in acted:
        delays.append([])
        for series, slots in by_somebody.items():
            told = next((slot for slot in by_series.get(series, ()) if slot in slots), None)
            if told is not None:
                delays[-1].append(float((told - slots[0]) * episode.cadence_s))
    stretches = sum(slot - 1 not in slots for slots in by_series.values() for slot in slots)
    return Method(
        falsely=sum(series not in excusable for series in by_series),
        found_names=len(delays[0]),
        found_dark=len(delays[1]),
        delays_s=tuple(delay for some in delays for delay in some),
        alerts=stretches if alerts is None else alerts,
    )


def _mechanisms(
    episode: Episode, judged: Iterable[tuple[Seat, str, str | None, tuple[str, ...]]]
) -> tuple[int, int, int]:
    both = named = true = 0
    for seat, state, _, mechanisms in judged:
        mechanism = episode.truth_of(*seat).mechanism
        if mechanism is None and state not in ACCUSING:
            continue
        told = ancestry(mechanisms) if state in ACCUSING else frozenset[str]()
        real = ancestry([mechanism] if mechanism else [])
        both, named, true = both + len(told & real), named + len(told), true + len(real)
    return both, named, true


def _pairs_until_decided(episode: Episode) -> Iterable[int | None]:
    """Walk through the pairs of every series with a rule on a name in a connection, from its first slot on."""
    layers = {"tls", "http"}
    for span in episode.spans:
        if span.state != "blocked" or (span.mechanism or "").split(".")[0] not in layers:
            continue
        for vantage in sorted(span.vantages):
            for target in sorted(span.targets):
                if any(_is_inside(episode, span.start, span.end, c) and c.vantage.vantage_id == vantage
                       for c in episode.cycles):  # fmt: skip
                    yield _until_decided(episode, vantage, target, span.start, span.end)


def _is_inside(episode: Episode, start: float, end: float, cycle: Any) -> bool:
    begun = (cycle.started_at - episode.start).total_seconds()
    return bool(start <= begun < end)


def _until_decided(episode: Episode, vantage: str, target: str, start: float, end: float) -> int | None:
    so_far: dict[str, Tally] = defaultdict(Tally)
    for cycle in episode.cycles:
        if cycle.vantage.vantage_id != vantage or not _is_inside(episode, start, end, cycle):
            continue
        standing = standings(cycle)
        for measurement in cycle.measurements:
            for pair in measurement.pairs if measurement.target == target else ():
                if standing[pair.pair_id] is Standing.COUNTED and pair.peer == Peer.HELPER:
                    so_far[pair.name_kind] += tally([pair])
                    if so_far[pair.name_kind].log10_e >= DECIDED_LOG10_E:
                        return so_far[pair.name_kind].pairs
    return None


def median_or_none(values: Iterable[float]) -> float | None:
    """Give the middle of some values; ``None`` of none."""
    kept = list(values)
    return float(median(kept)) if kept else None
