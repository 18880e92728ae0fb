"""The whole event in one picture: each network of each place, each service, over time; and who was cut off where.

A round is drawn as what it showed. Where an event says why a place was dark, the darkness takes the looks of
that cause. A round that did not happen stays a gap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from analysis.report import bounds
from analysis.report.appearance import GAPS, LOOK
from analysis.report.happenings import bears_on, names_in
from analysis.report.timeline import ORDER, Strip, line_of, marks_of, summary_of, word_of
from analysis.report.wording import area_name, short
from probe.store.models import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from analysis.report.axis import Axis, Tick
    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Area, Grid, Reading

    Line = tuple[Area, str, str]  # place, network, bearer: what a rule or a cable may single out

_NAMED_DARK = frozenset({"shutdown", "damage"})


@dataclass(frozen=True, slots=True)
class Chip:
    """What one line showed, and from how many of its vantages."""

    look: str
    word: str
    vantages: int


@dataclass(frozen=True, slots=True)
class Whole:
    """The picture and the schematic."""

    strips: tuple[Strip, ...]
    strips_left_out: int
    ticks: tuple[Tick, ...]
    clock: str
    looks: tuple[str, ...]
    """Signs that are used, in the order of the legend."""
    columns: tuple[str, ...]
    """Networks of the schematic."""
    rows: tuple[tuple[str, tuple[tuple[Chip, ...], ...]], ...]
    """Places of the schematic, with what each network showed there; nothing where no vantage stands."""


def draw_whole(session: Session, grid: Grid, axis: Axis | None, service: str | None, words: Catalogue) -> Whole | None:
    """Draw all probes together; ``None`` where nothing was measured."""
    probes = {place.vantage_id: place for place in grid.places if not place.is_sentinel}
    readings = [reading for reading in grid.targets if reading.vantage_id in probes]
    if axis is None or not readings:
        return None
    named = [event for event in session.scalars(select(Event)) if event.cause in _NAMED_DARK]
    named = sorted((e for e in named if bears_on(e, service)), key=lambda e: (e.onset_before, e.event_id))
    shown = {reading.measurement_id: _sign(reading, named) for reading in readings}
    lines: dict[Line, list[str]] = defaultdict(list)
    for vantage_id, place in probes.items():
        lines[place.area, place.network or "", place.bearer].append(vantage_id)
    strips = [strip for line, several in lines.items() for strip in _strips(line, several, grid, shown, axis, words)]
    used = {sign for signs in (shown.values(), _gaps(grid, probes)) for sign in signs}
    zones = {str(place.zone): place.zone for place in probes.values()}
    zone = next(iter(zones.values())) if len(zones) == 1 else None
    columns, rows = _schematic(lines, readings, shown, words)
    return Whole(
        strips=tuple(strips[: bounds.WHOLE_ROWS]),
        strips_left_out=max(0, len(strips) - bounds.WHOLE_ROWS),
        ticks=axis.ticks(zone, words),
        clock=words.text("timeline.local", offset=words.offset(axis.end.astimezone(zone))) if zone else "",
        looks=tuple(sign for sign in (*LOOK, *GAPS) if sign in used),
        columns=columns,
        rows=rows,
    )


def _sign(reading: Reading, named: Sequence[Event]) -> str:
    if reading.state == "dark":
        for event in named:
            is_within = reading.started_at >= event.onset_before and (
                event.end_after is None or reading.started_at <= event.end_after
            )
            if is_within and reading.vantage_id in names_in(event, "vantages"):
                return event.cause
    return reading.state or "unjudged"


def _gaps(grid: Grid, vantages: Iterable[str]) -> set[str]:
    return {slot.kind for vantage_id in vantages for slot in grid.slots.get(vantage_id, ()) if slot.kind != "ran"}


def _strips(
    line: Line, vantages: Sequence[str], grid: Grid, shown: dict[str, str], axis: Axis, words: Catalogue
) -> Iterable[Strip]:
    area, network, bearer = line
    head = words.text(
        "whole.line",
        place=area_name(area, words),
        network=" ".join(short(part) for part in (network, bearer) if part),
        vantages=words.count("count.vantage", len(vantages)),
    )
    by_service: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in grid.targets:
        if reading.vantage_id in vantages:
            by_service[reading.service].append(reading)
    slots = [slot for vantage_id in vantages for slot in grid.slots.get(vantage_id, ())]
    for position, (service, readings) in enumerate(sorted(by_service.items())):
        counted: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
        for reading in readings:
            counted[reading.slot_at][shown[reading.measurement_id]] += 1
        for slot in slots:
            if slot.kind != "ran":
                counted[slot.at][slot.kind] += 1
        drawn = line_of(service, slots, {at: Counter(c) for at, c in counted.items()})
        yield Strip(
            group=head if not position else "",
            target=short(service),
            summary=f"{head}: {summary_of(drawn, words)}",
            marks=tuple(marks_of(drawn, axis, words)),
        )


def _schematic(
    lines: dict[Line, list[str]], readings: Sequence[Reading], shown: dict[str, str], words: Catalogue
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[tuple[Chip, ...], ...]], ...]]:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for reading in readings:
        seen[reading.vantage_id].add(shown[reading.measurement_id])
    networks = sorted({(network, bearer) for _, network, bearer in lines})[: bounds.SCHEMATIC_NETWORKS]
    areas = list(dict.fromkeys(area for area, _, _ in lines))[: bounds.SCHEMATIC_PLACES]
    rows = []
    for area in areas:
        cells = []
        for network, bearer in networks:
            counted = Counter(
                sign for vantage_id in lines.get((area, network, bearer), ()) for sign in seen[vantage_id]
            )
            bad = sorted(counted.keys() - {"ok"}, key=ORDER.__getitem__) or (["ok"] if counted else [])
            cells.append(tuple(Chip(sign, word_of(sign, words), counted[sign]) for sign in bad))
        rows.append((area_name(area, words), tuple(cells)))
    return tuple(" ".join(short(part) for part in network if part) for network in networks), tuple(rows)
