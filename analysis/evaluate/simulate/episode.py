"""One episode: the facts that probes would have left of it, and its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.evaluate.simulate.cycle import facts_of, run_cycle
from analysis.evaluate.simulate.dice import dice
from analysis.evaluate.simulate.documents import Documented, documented
from analysis.evaluate.simulate.looks import flight_of
from analysis.evaluate.simulate.plant import HELPERS
from analysis.evaluate.simulate.stage import Span, Stage, set_stage
from analysis.evaluate.truth import ACCUSING, TrueEvent
from analysis.facts import CycleFacts, MissedFacts, Surroundings
from probe.slots import Missed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from analysis.evaluate.simulate.plant import Place
    from analysis.facts import LinkFacts

CYCLE_S = 300.0
"""What a slot's cycle may take: what begins or ends within it, part of the cycle may meet."""
SILENT_VANTAGES = 3
"""One silent vantage is nothing; so many at once are something that can be told."""
COLLECTED_SHARE = 0.5
"""Of the episodes are read at a collector, at the moment of their end; the rest later, when all has arrived."""


class Family(StrEnum):
    """What kind of thing happens."""

    CALM = "calm"
    BLOCKING = "blocking"
    THROTTLING = "throttling"
    TAMPERING = "tampering"
    WITHHOLDING = "withholding"
    TARGET = "target"
    SHUTDOWN = "shutdown"
    DAMAGE = "damage"
    LOCAL = "local"
    MIXTURE = "mixture"
    MIMICRY = "mimicry"


@dataclass(frozen=True, slots=True)
class Generator:
    """One mechanism by which episodes come about."""

    name: str
    family: Family
    play: Callable[[Stage], None]
    """Breaks, acts, and says what is true."""
    held_out: bool = False
    """Never looked at while the analysis, its weights or the calibration were made: it serves the final score alone."""


@dataclass(frozen=True, slots=True)
class SlotTruth:
    """What is true of one vantage and target in one slot."""

    state: str
    accept: frozenset[str]
    is_acted_on: bool
    mechanism: str | None = None


OK = SlotTruth("ok", frozenset(), is_acted_on=False)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Facts and truth."""

    generator: Generator
    seed: int
    cadence_s: int
    start: datetime
    slots: int
    cycles: tuple[CycleFacts, ...]
    beside: Surroundings
    documented: Documented
    spans: tuple[Span, ...]
    events: tuple[TrueEvent, ...]
    must_be_undetermined: frozenset[str]
    """Names of the events of which an honest reading leaves the cause open."""

    def truth_of(self, vantage: str, target: str, slot: int) -> SlotTruth:
        """Give what is true; where something begins or ends within the cycle, both sides of it are accepted."""
        begin = slot * self.cadence_s
        held = [
            span
            for span in self.spans
            if vantage in span.vantages and target in span.targets
            and span.start < begin + CYCLE_S and begin < span.end
        ]  # fmt: skip
        if not held:
            return OK
        first = next((span for span in held if span.state in ACCUSING), held[0])
        accept = frozenset().union(*(span.accept | {span.state} for span in held))
        if any(span.start > begin or span.end < begin + CYCLE_S for span in held):
            accept |= {"ok", "dark", "insufficient"}
        return SlotTruth(first.state, accept, first.state in ACCUSING, first.mechanism)


def simulate(generator: Generator, seed: int) -> Episode:
    """Make one episode; the same generator and seed give the same one."""
    stage = set_stage(dice("stage", generator.name, seed))
    generator.play(stage)
    is_collected = dice("collected", generator.name, seed).random() < COLLECTED_SHARE
    cycles: list[CycleFacts] = []
    missed: list[MissedFacts] = []
    flights: dict[str, tuple[LinkFacts, ...]] = {}
    for place in stage.plant.vantages:
        flight = flight_of(stage, place, dice("flight", generator.name, seed, place.vantage))
        made, lost = _cycles(stage, place, seed, flight)
        if is_collected:
            heard_at = _last_heard(stage, place, seed)
            made = [arrived for cycle in made if (arrived := _arrived(stage, place, cycle, seed)) is not None]
            lost = [slot for slot in lost if slot.slot_at <= heard_at]
            flight = tuple(look for look in flight if look.sampled_at <= heard_at)
        cycles += made
        missed += lost
        flights[place.vantage] = flight
    cycles.sort(key=lambda cycle: (cycle.started_at, cycle.cycle_id))
    how_much, plant = documented(stage.plant, dice("documents", generator.name, seed))
    return Episode(
        generator=generator,
        seed=seed,
        cadence_s=stage.cadence_s,
        start=stage.start,
        slots=stage.slots,
        cycles=tuple(cycles),
        beside=Surroundings(
            missed=tuple(sorted(missed, key=lambda one: (one.slot_at, one.vantage.vantage_id))),
            flights=flights,
            plant=plant,
        ),
        documented=how_much,
        spans=tuple(stage.spans),
        events=_events(stage, cycles),
        must_be_undetermined=frozenset(span.event for span in stage.spans if span.must_be_undetermined),
    )


def _cycles(
    stage: Stage, place: Place, seed: int, flight: tuple[LinkFacts, ...]
) -> tuple[list[CycleFacts], list[MissedFacts]]:
    """Run every slot in which the machine is awake; say of the others why they were missed, once it is awake again."""
    made: list[CycleFacts] = []
    lost: list[MissedFacts] = []
    waiting: list[tuple[int, str]] = []
    busy_until = 0.0
    for slot in range(stage.slots):
        at = float(slot * stage.cadence_s)
        if stage.ailing(place.vantage, "off", at):
            waiting.append((slot, Missed.STOPPED))
        elif stage.ailing(place.vantage, "asleep", at):
            waiting.append((slot, Missed.ASLEEP))
        elif busy_until > at:
            waiting.append((slot, Missed.OVERRUN))
        else:
            near = tuple(look for look in flight if abs((look.sampled_at - stage.at(at)).total_seconds()) <= 1800.0)
            cycle = run_cycle(stage, place, slot, seed, near)
            made.append(cycle)
            assert cycle.received_at is not None
            busy_until = (cycle.received_at - stage.start).total_seconds()
            lost += [
                MissedFacts(vantage=facts_of(place), slot_at=stage.at(s * stage.cadence_s), reason=why,
                            received_at=cycle.received_at)
                for s, why in waiting
            ]  # fmt: skip
            waiting = []
    return made, lost


def _is_heard(stage: Stage, place: Place, t: float, seed: int) -> bool:
    route = stage.plant.route(place, HELPERS[0], is_home=False)
    ails = ("off", "asleep", "unplugged", "refused", "refused-beyond", "portal", "hotel")
    is_well = not any(stage.ailing(place.vantage, kind, t) for kind in ails)
    return is_well and stage.world.dead_from(route, t, dice("heard", seed, place.vantage, t)) == len(route)


def _arrived(stage: Stage, place: Place, cycle: CycleFacts, seed: int) -> CycleFacts | None:
    """Give a cycle with its arrival at the collector; ``None`` where it had not arrived by the episode's end."""
    assert cycle.received_at is not None
    t = (cycle.received_at - stage.start).total_seconds()
    while t < stage.length_s:
        if _is_heard(stage, place, t, seed):
            return replace(cycle, received_at=stage.at(t))
        t += 60.0
    return None


def _last_heard(stage: Stage, place: Place, seed: int) -> datetime:
    """Give the last moment at which a vantage could upload."""
    t = stage.length_s - 30.0
    while t > 0.0 and not _is_heard(stage, place, t, seed):
        t -= 60.0
    return stage.at(t)


def _events(stage: Stage, cycles: list[CycleFacts]) -> tuple[TrueEvent, ...]:
    """Put together what happened and was felt: by a measurement that failed or was missed, where it is damage.

    A line that loses a little, and on which every page came in the end, is no event that anybody could tell.
    """
    heard: dict[tuple[str, int], CycleFacts] = {
        (cycle.vantage.vantage_id, round((cycle.slot_at - stage.start).total_seconds())): cycle
        for cycle in cycles
        if cycle.slot_at is not None
    }
    wanted = [(place.vantage, slot * stage.cadence_s) for place in stage.plant.vantages for slot in range(stage.slots)]
    named: dict[str, list[Span]] = {}
    for span in stage.spans:
        inside = [
            (place, at) for place, at in wanted
            if place in span.vantages and span.start <= at and at + CYCLE_S <= span.end
        ]  # fmt: skip
        cycles_met = [heard[key] for key in inside if key in heard]
        is_silent = len({place for place, at in inside if (place, at) not in heard}) >= SILENT_VANTAGES
        is_felt = span.state != "ok" or any(
            not measurement.outcome.is_reached for cycle in cycles_met for measurement in cycle.measurements
        )
        if span.cause is not None and ((cycles_met and is_felt) or is_silent):
            named.setdefault(span.event, []).append(span)
    events = []
    for name, parts in named.items():
        end = max(span.end for span in parts)
        events.append(
            TrueEvent(
                name=name,
                cause=parts[0].cause or "",
                vantages=frozenset().union(*(span.vantages for span in parts)),
                targets=frozenset().union(*(span.targets for span in parts)),
                onset=stage.at(min(span.start for span in parts)),
                end=stage.at(end) if end <= stage.length_s else None,
                mechanisms=frozenset(span.mechanism for span in parts if span.mechanism),
                accept=frozenset().union(*(span.accept_causes for span in parts)),
            )
        )
    return tuple(sorted(events, key=lambda event: (event.onset, event.name)))
