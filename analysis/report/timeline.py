"""The pictures: for each vantage one strip a target, every round where it belongs on the time axis.

A round that did not happen is an outline with nothing in it, never a state. Everything drawn is also in a
table and, row by row, in a CSV file inside the page.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.report import bounds
from analysis.report.appearance import CAUSE_LOOKS, GAPS, LOOK
from analysis.report.axis import Axis, Tick, lay_out
from analysis.report.inert import csv_cell
from analysis.report.wording import area_name, short
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Grid, Place, Reading, Slot

ORDER = {state: position for position, state in enumerate((*LOOK, *GAPS))}
"""States, causes and gaps, as counts and legends list them."""
_CAUSES = {look.state for look in CAUSE_LOOKS}
_CONTROL_GROUPS = {
    TargetKind.CONTROL_HOME.value: "timeline.controls_home",
    TargetKind.CONTROL_ABROAD.value: "timeline.controls_abroad",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A share of one mark, in per cent of its height from the top."""

    state: str
    """A state, or a kind of gap."""
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One round, or one column of rounds, in per cent of the axis."""

    left: float
    width: float
    parts: tuple[Part, ...]
    letter: str
    title: str


@dataclass(frozen=True, slots=True)
class Run:
    """Rounds in a row that show the same, as a row of the table."""

    target: str
    first: str
    last: str
    word: str
    rounds: int


@dataclass(frozen=True, slots=True)
class Strip:
    """All rounds of one target at one vantage."""

    group: str
    """The service, or which controls; empty where it is the same as above."""
    target: str
    summary: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One vantage."""

    place: Place
    title: str
    clock: str
    """How its local time is to be called; empty where it has none."""
    strips: tuple[Strip, ...]
    strips_left_out: int
    ticks: tuple[Tick, ...]
    runs: tuple[Run, ...]
    runs_left_out: int
    csv_base64: str
    csv_rows_left_out: int


@dataclass(frozen=True, slots=True)
class Line:
    """One target's rounds, before they are drawn: what each slot showed."""

    kind: str
    service: str
    target: str
    shown: tuple[tuple[Slot, Counter[str]], ...]
    measurements: dict[datetime, str]


def draw(grid: Grid, words: Catalogue) -> tuple[Axis | None, tuple[Picture, ...]]:
    """Lay out every vantage on one axis."""
    axis = lay_out(grid.slots)
    if axis is None:
        return None, ()
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in grid.readings:
        readings[reading.vantage_id].append(reading)
    shown = grid.places[: bounds.TIMELINES]
    return axis, tuple(
        _picture(p, grid.slots.get(p.vantage_id, ()), readings[p.vantage_id], axis, words) for p in shown
    )


def word_of(state: str, words: Catalogue) -> str:
    """Give the word of a state or of a kind of gap."""
    if state in _CAUSES:
        return words.text(f"cause.{state}.title")
    return words.text(f"state.{state}.word" if state in LOOK else f"gap.{state}.word")


def line_of(name: str, slots: Sequence[Slot], counted: Mapping[datetime, Counter[str]]) -> Line:
    """Give the rounds of several vantages as one line: at each moment, what all of them showed."""
    at_once = {slot.at: slot for slot in slots}
    return Line("target", name, name, tuple((at_once[at], counted[at]) for at in sorted(counted)), {})


def _picture(place: Place, slots: tuple[Slot, ...], readings: list[Reading], axis: Axis, words: Catalogue) -> Picture:
    lines = _lines(slots, readings)
    drawn = lines[: bounds.TIMELINE_ROWS]
    runs = [run for line in drawn for run in _runs(line, words)]
    rows = [row for line in lines for row in _csv_rows(place, line)]
    heads = [_group(line, words) for line in drawn]
    strips = tuple(
        Strip(
            group=head if not position or head != heads[position - 1] else "",
            target=short(line.target),
            summary=summary_of(line, words),
            marks=tuple(marks_of(line, axis, words)),
        )
        for position, (head, line) in enumerate(zip(heads, drawn, strict=True))
    )
    return Picture(
        place=place,
        title=area_name(place.area, words),
        clock=_clock(place, axis, words),
        strips=strips,
        strips_left_out=len(lines) - len(drawn),
        ticks=axis.ticks(place.zone, words),
        runs=tuple(runs[: bounds.TABLE_RUNS]),
        runs_left_out=max(0, len(runs) - bounds.TABLE_RUNS),
        csv_base64=_csv(rows[: bounds.CSV_ROWS]),
        csv_rows_left_out=max(0, len(rows) - bounds.CSV_ROWS),
    )


def _lines(slots: tuple[Slot, ...], readings: list[Reading]) -> list[Line]:
    of_target: defaultdict[tuple[str, str, str], dict[datetime, list[Reading]]] = defaultdict(dict)
    for reading in readings:
        key = (reading.kind, reading.service, reading.target)
        of_target[key].setdefault(reading.slot_at, []).append(reading)
    kinds = [TargetKind.TARGET.value, *_CONTROL_GROUPS]
    lines = []
    for key in sorted(of_target, key=lambda key: (kinds.index(key[0]), *key[1:])):
        measured = of_target[key]
        shown = tuple((slot, _shown(slot, measured.get(slot.at, []))) for slot in slots)
        ids = {at: " ".join(reading.measurement_id for reading in of_slot) for at, of_slot in measured.items()}
        lines.append(Line(*key, shown, ids))
    return lines


def _shown(slot: Slot, readings: list[Reading]) -> Counter[str]:
    if readings:
        return Counter(reading.state or "unjudged" for reading in readings)
    return Counter([slot.kind if slot.kind != "ran" else "unmeasured"])


def marks_of(line: Line, axis: Axis, words: Catalogue) -> Iterable[Mark]:
    """Place a line's rounds on the axis, one by one or in columns."""
    if not axis.is_binned:
        for slot, counter in line.shown:
            left = axis.percent(slot.at)
            width = axis.percent(axis.start + axis.mark)
            yield _mark(left, width, counter, words.moment(slot.at), words, slot.reason)
        return
    columns: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for slot, counter in line.shown:
        columns[axis.column(slot.at)] += counter
    width = 100 / bounds.TIMELINE_COLUMNS
    neighbours = sorted(columns.items())
    for _, group in groupby(enumerate(neighbours), key=lambda item: (item[1][0] - item[0], _alike(item[1][1]))):
        merged = [column for _, column in group]
        counter = sum((counts for _, counts in merged), Counter())
        first = merged[0][0]
        moment = words.moment(axis.start + first * axis.mark)
        yield _mark(first * width, len(merged) * width, counter, moment, words)


def _alike(counter: Counter[str]) -> object:
    """Give what columns must share to be drawn as one: a single state, or else only themselves."""
    return next(iter(counter)) if len(counter) == 1 else id(counter)


def _mark(left: float, width: float, counter: Counter[str], moment: str, words: Catalogue, reason: str = "") -> Mark:
    states = sorted(counter, key=ORDER.__getitem__)
    total = counter.total()
    parts, top = [], 0.0
    for state in states:
        height = 100 * counter[state] / total
        parts.append(Part(state, top, height))
        top += height
    letter = ""
    if len(states) == 1 and states[0] in LOOK:
        letter = LOOK[states[0]].letter
    return Mark(
        left,
        width,
        tuple(parts),
        letter,
        words.text("timeline.cell", moment=moment, words=_counted(counter, words) + _because(reason, words)),
    )


def _counted(counter: Counter[str], words: Catalogue) -> str:
    if counter.total() == 1:
        return word_of(next(iter(counter)), words)
    return ", ".join(
        words.text("timeline.strip_count", count=words.number(counter[state]), word=word_of(state, words))
        for state in sorted(counter, key=ORDER.__getitem__)
    )


def summary_of(line: Line, words: Catalogue) -> str:
    """Say in words what a strip shows."""
    total: Counter[str] = sum((counter for _, counter in line.shown), Counter())
    counts = ", ".join(
        words.text("timeline.strip_count", count=words.number(total[state]), word=word_of(state, words))
        for state in sorted(total, key=ORDER.__getitem__)
    )
    return words.text("timeline.strip", target=short(line.target), counts=counts)


def _runs(line: Line, words: Catalogue) -> Iterable[Run]:
    def shown(item: tuple[Slot, Counter[str]]) -> tuple[tuple[str, ...], str]:
        return tuple(sorted(item[1], key=ORDER.__getitem__)), item[0].reason

    for (states, reason), group in groupby(line.shown, key=shown):
        rounds = [slot for slot, _ in group]
        yield Run(
            short(line.target),
            words.moment(rounds[0].at),
            words.moment(rounds[-1].at),
            " / ".join(word_of(state, words) for state in states) + _because(reason, words),
            len(rounds),
        )


def _because(reason: str, words: Catalogue) -> str:
    if not reason:
        return ""
    return ": " + (words.text(f"reason.{reason}") if words.has(f"reason.{reason}") else short(reason))


def _csv_rows(place: Place, line: Line) -> Iterable[tuple[str, ...]]:
    for slot, counter in line.shown:
        for state in sorted(counter, key=ORDER.__getitem__):
            yield (
                place.vantage_id,
                slot.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                line.kind,
                line.service,
                line.target,
                state,
                slot.reason,
                line.measurements.get(slot.at, ""),
            )


def _csv(rows: list[tuple[str, ...]]) -> str:
    head = ("vantage", "slot_at_utc", "kind", "service", "target", "state", "reason", "measurements")
    text = "".join(",".join(csv_cell(cell, bounds.LONG_TEXT_CHARS) for cell in row) + "\r\n" for row in (head, *rows))
    return base64.b64encode(text.encode()).decode()


def _group(line: Line, words: Catalogue) -> str:
    return words.text(_CONTROL_GROUPS[line.kind]) if line.kind in _CONTROL_GROUPS else short(line.service)


def _clock(place: Place, axis: Axis, words: Catalogue) -> str:
    if place.zone is None:
        return ""
    first, last = (words.offset(at.astimezone(place.zone)) for at in (axis.start, axis.end))
    if first == last:
        return words.text("timeline.local", offset=first)
    return words.text("timeline.local_changes", first=first, last=last)
