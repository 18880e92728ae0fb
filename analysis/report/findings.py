"""The states, gathered into scopes: what was seen, of what, from where, in how many rounds of how many.

Interference with a name has the service as its scope. Silence whatever the name has the place, and a fault
at the vantage has the vantage: there a list of services would only repeat itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report.appearance import LOOKS
from analysis.report.grid import Controls

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.report.grid import Area, Grid, Reading

_ORDER = {look.state: position for position, look in enumerate(LOOKS)}
_OF_A_PLACE = frozenset({"dark", "local"})


@dataclass(frozen=True, slots=True)
class _Key:
    """What the readings of one finding share."""

    state: str
    service: str | None
    area: Area | None
    is_home_alive: bool

    @property
    def scope(self) -> str | Area | None:
        """Give the service, or the place."""
        return self.area if self.service is None else self.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One state in one scope, with everything that a sentence about it must count."""

    number: int
    """From 1; names the finding's evidence on the page."""
    state: str
    service: str | None
    area: Area | None
    """Where the scope is a place and not a service."""
    is_home_alive: bool
    """Of a place: in these rounds, sites at home still answered."""
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
    controls: Controls
    """By the same vantages, in the rounds that count as seen."""
    sentinel_ok: int
    """Of a service: rounds in which all targets of the finding answered. Of a place: in which anything answered."""
    sentinel_rounds: int
    """Rounds of sentinels between the first and the last round that count as seen."""
    targets: tuple[str, ...]
    """Those that were seen in the state."""
    targets_asked: int
    """Of the service, or of the place: all that were measured."""
    is_whole: bool
    """In every round that counts as seen, all of these targets were in the state."""
    readings: tuple[Reading, ...]


def find(grid: Grid) -> tuple[Finding, ...]:
    """Gather what the probes saw, the gravest states first; the sentinels only bear witness."""
    probes = {place.vantage_id: place for place in grid.places if not place.is_sentinel}
    groups: defaultdict[_Key, list[Reading]] = defaultdict(list)
    asked: defaultdict[str | Area | None, set[str]] = defaultdict(set)
    targets: defaultdict[str | Area | None, set[str]] = defaultdict(set)
    witnessed: list[Reading] = []
    for reading in grid.targets:
        if reading.vantage_id not in probes:
            witnessed.append(reading)
            continue
        area = probes[reading.vantage_id].area
        targets[reading.service].add(reading.target)
        targets[area].add(reading.target)
        asked[reading.service].add(reading.vantage_id)
        asked[area].add(reading.vantage_id)
        state = reading.state or "insufficient"
        if state in _OF_A_PLACE:
            controls = grid.controls.get((reading.vantage_id, reading.slot_at), Controls())
            is_home_alive = state == "dark" and controls.home_answered > 0
            groups[_Key(state, None, area, is_home_alive)].append(reading)
        else:
            groups[_Key(state, reading.service, None, is_home_alive=False)].append(reading)
    ordered = sorted(groups.items(), key=lambda item: (_ORDER[item[0].state], str(item[0])))
    return tuple(
        _finding(number, key, readings, grid, asked[key.scope], len(targets[key.scope]), witnessed)
        for number, (key, readings) in enumerate(ordered, start=1)
    )


def _finding(
    number: int,
    key: _Key,
    readings: list[Reading],
    grid: Grid,
    scope: set[str],
    targets_asked: int,
    witnessed: list[Reading],
) -> Finding:
    seen_by = {reading.vantage_id for reading in readings}
    rounds = {(reading.vantage_id, reading.slot_at) for reading in readings}
    slots = [slot for vantage_id in scope for slot in grid.slots.get(vantage_id, ())]
    first_at = min(slot_at for _, slot_at in rounds)
    last_at = max(slot_at for _, slot_at in rounds)
    targets = {reading.target for reading in readings}
    same = [r for r in witnessed if first_at <= r.slot_at <= last_at and (key.service is None or r.target in targets)]
    sentinel_ok, sentinel_rounds = _outside(same, needs_all=key.service is not None)
    networks = [p.network for p in grid.places if p.vantage_id in seen_by and p.network]
    return Finding(
        number=number,
        state=key.state,
        service=key.service,
        area=key.area,
        is_home_alive=key.is_home_alive,
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
        controls=sum((grid.controls[one] for one in sorted(rounds) if one in grid.controls), Controls()),
        sentinel_ok=sentinel_ok,
        sentinel_rounds=sentinel_rounds,
        targets=tuple(sorted(targets)),
        targets_asked=targets_asked,
        is_whole=len({(r.vantage_id, r.slot_at, r.target) for r in readings}) == len(rounds) * targets_asked,
        readings=tuple(readings),
    )


def _outside(witnessed: list[Reading], *, needs_all: bool) -> tuple[int, int]:
    """Count the sentinels' rounds that got an answer (from all targets, or from any), and all of their rounds."""
    answered: set[tuple[str, datetime]] = set()
    failed: set[tuple[str, datetime]] = set()
    for reading in witnessed:
        (answered if reading.is_answered else failed).add((reading.vantage_id, reading.slot_at))
    return len(answered - failed if needs_all else answered), len(answered | failed)


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
