"""The states, gathered into scopes: what was seen, of what, from where, in how many rounds of how many.

Interference with a name has the service as its scope. Silence whatever the name has the place, and a fault
at the vantage has the vantage: there a list of services would only repeat itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report.appearance import LOOKS

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.report.grid import Area, Grid, Reading

_ORDER = {look.state: position for position, look in enumerate(LOOKS)}
_OF_A_PLACE = frozenset({"dark", "local"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One state in one scope, with everything that a sentence about it must count."""

    number: int
    """From 1; names the finding's evidence on the page."""
    state: str
    service: str | None
    area: Area | None
    """Where the scope is a place and not a service."""
    rounds_seen: int
    """Rounds in which at least one target of the scope was in the state."""
    rounds: int
    """Rounds that the schedule wanted of the scope's vantages."""
    rounds_missed: int
    rounds_unheard: int
    vantages: tuple[str, ...]
    """Those that saw the state."""
    vantages_asked: int
    """Those that measured the scope at all."""
    networks: tuple[str, ...]
    is_network_confirmed: bool
    """Two vantages or more of one network saw it."""
    areas: tuple[Area, ...]
    first_at: datetime
    last_at: datetime
    """The first and the last round in which it was seen, by their slots."""
    mechanisms: tuple[str, ...]
    controls_answered: int
    controls_measured: int
    """Control measurements by the same vantages in the rounds that count as seen."""
    sentinel_ok: int
    """Of a service: rounds without a failure. Of a place: rounds in which anything was reached."""
    sentinel_rounds: int
    """Rounds of sentinels between the first and the last round that count as seen."""
    targets: tuple[str, ...]
    readings: tuple[Reading, ...]


def find(grid: Grid) -> tuple[Finding, ...]:
    """Gather what the probes saw, the gravest states first; the sentinels only bear witness."""
    probes = {place.vantage_id: place for place in grid.places if not place.is_sentinel}
    groups: defaultdict[tuple[str, str | None, Area | None], list[Reading]] = defaultdict(list)
    asked: defaultdict[str | Area, set[str]] = defaultdict(set)
    witnessed: list[Reading] = []
    for reading in grid.targets:
        if reading.vantage_id not in probes:
            witnessed.append(reading)
            continue
        area = probes[reading.vantage_id].area
        asked[reading.service].add(reading.vantage_id)
        asked[area].add(reading.vantage_id)
        state = reading.state or "insufficient"
        is_of_a_place = state in _OF_A_PLACE
        groups[state, None if is_of_a_place else reading.service, area if is_of_a_place else None].append(reading)
    ordered = sorted(groups.items(), key=lambda item: (_ORDER[item[0][0]], str(item[0])))
    return tuple(
        _finding(number, state, service, area, readings, grid, asked[service or area or ""], witnessed)
        for number, ((state, service, area), readings) in enumerate(ordered, start=1)
    )


def _finding(
    number: int,
    state: str,
    service: str | None,
    area: Area | None,
    readings: list[Reading],
    grid: Grid,
    scope: set[str],
    witnessed: list[Reading],
) -> Finding:
    seen_by = {reading.vantage_id for reading in readings}
    rounds = {(reading.vantage_id, reading.slot_at) for reading in readings}
    slots = [slot for vantage_id in scope for slot in grid.slots.get(vantage_id, ())]
    controls = [grid.controls.get(one, (0, 0)) for one in rounds]
    first_at = min(slot_at for _, slot_at in rounds)
    last_at = max(slot_at for _, slot_at in rounds)
    sentinel_ok, sentinel_rounds = _outside(service, first_at, last_at, witnessed)
    networks = [p.network for p in grid.places if p.vantage_id in seen_by and p.network]
    return Finding(
        number=number,
        state=state,
        service=service,
        area=area,
        rounds_seen=len(rounds),
        rounds=len(slots),
        rounds_missed=sum(slot.kind == "missed" for slot in slots),
        rounds_unheard=sum(slot.kind == "unheard" for slot in slots),
        vantages=tuple(sorted(seen_by)),
        vantages_asked=len(scope),
        networks=tuple(sorted(set(networks))),
        is_network_confirmed=len(networks) > len(set(networks)),
        areas=tuple(dict.fromkeys(p.area for p in grid.places if p.vantage_id in seen_by)),
        first_at=first_at,
        last_at=last_at,
        mechanisms=tuple(sorted({name for reading in readings for name in reading.mechanisms})),
        controls_answered=sum(answered for answered, _ in controls),
        controls_measured=sum(measured for _, measured in controls),
        sentinel_ok=sentinel_ok,
        sentinel_rounds=sentinel_rounds,
        targets=tuple(sorted({reading.target for reading in readings})),
        readings=tuple(readings),
    )


def _outside(service: str | None, first_at: datetime, last_at: datetime, witnessed: list[Reading]) -> tuple[int, int]:
    """Count the sentinels' rounds in a period: those that reached the scope, and all of them."""
    reached: set[tuple[str, datetime]] = set()
    failed: set[tuple[str, datetime]] = set()
    for reading in witnessed:
        if first_at <= reading.slot_at <= last_at and service in {None, reading.service}:
            (reached if reading.state == "ok" else failed).add((reading.vantage_id, reading.slot_at))
    return len(reached if service is None else reached - failed), len(reached | failed)


@dataclass(frozen=True, slots=True)
class Tally:
    """One service in the overview: in how many rounds each state was seen, gaps and all rounds beside it."""

    service: str
    states: dict[str, int]
    gaps: int
    rounds: int


def tally(grid: Grid, findings: tuple[Finding, ...]) -> tuple[Tally, ...]:
    """Count rounds by service and by every state that was seen at all.

    A round in which two targets of a service differ counts under both states.
    """
    probes = {place.vantage_id for place in grid.places if not place.is_sentinel}
    seen = {finding.state for finding in findings}
    states = [look.state for look in LOOKS if look.state in seen]
    rounds: defaultdict[str, defaultdict[str, set[tuple[str, datetime]]]] = defaultdict(lambda: defaultdict(set))
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for reading in grid.targets:
        if reading.vantage_id in probes:
            asked[reading.service].add(reading.vantage_id)
            rounds[reading.service][reading.state or "insufficient"].add((reading.vantage_id, reading.slot_at))
    tallies = []
    for service in sorted(rounds):
        slots = [slot for vantage_id in asked[service] for slot in grid.slots.get(vantage_id, ())]
        counts = {state: len(rounds[service][state]) for state in states}
        tallies.append(Tally(service, counts, sum(slot.kind != "ran" for slot in slots), len(slots)))
    return tuple(tallies)
