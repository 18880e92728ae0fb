"""The answer, before anything else: what was read and stopped, what was broken, and what cannot be said.

One sentence a scope. It words the events that the analysis stored; it weighs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from analysis.causes.cause import CAUSE_OF
from analysis.causes.hypotheses import DARK
from analysis.report import bounds
from analysis.report.appearance import LOOK_OF_CAUSE
from analysis.report.happenings import bears_on, names_in
from analysis.report.wording import area_name, area_names, listed
from probe.store.models import Event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Area, Grid, Reading, Slot

QUESTIONS = {
    "interference": ("selective-blocking", "tampering", "throttling", "shutdown"),
    "broken": ("damage", "target-down", "vantage-local", "withholding"),
    "unsaid": ("dark-undetermined", "insufficient"),
}
"""The three questions of a reader, and the causes that answer each."""

_STATE_OF = {cause.value: state.value for state, cause in CAUSE_OF.items()} | dict.fromkeys(DARK, "dark")
_TITLE = {
    "interference": "state.blocked.question",
    "broken": "answer.broken",
    "unsaid": "answer.unsaid",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the answer; ``event_id`` is empty where it rests on no event."""

    look: str
    text: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers one question."""

    question: str
    title: str
    lines: tuple[Line, ...]


def answers(session: Session, grid: Grid, service: str | None, words: Catalogue) -> tuple[Answer, ...]:
    """Answer the three questions, each in one sentence a scope; a question without an answer says so."""
    events = [
        event
        for event in session.scalars(select(Event).order_by(Event.onset_before, Event.event_id))
        if bears_on(event, service)
    ]
    return tuple(
        Answer(
            question,
            words.text(_TITLE[question]),
            _lines(question, [event for event in events if event.cause in causes], grid, words),
        )
        for question, causes in QUESTIONS.items()
    )


def _lines(question: str, events: Sequence[Event], grid: Grid, words: Catalogue) -> tuple[Line, ...]:
    named = [event for event in events if event.cause != "insufficient"]
    lines = [_line(event, grid, words) for event in named[: bounds.ANSWERS]]
    left_out = len(named) - len(lines)
    if left_out > 0:
        lines.append(Line("", words.count("answer.more", left_out)))
    if question != "unsaid":
        return tuple(lines) or (Line("", words.text(f"answer.no_{question}" if grid.targets else "answer.nothing")),)
    unnamed = len(events) - len(named)
    if unnamed:
        lines.append(Line("insufficient", words.count("answer.unnamed", unnamed)))
    missed, unheard = grid.rounds("missed"), grid.rounds("unheard")
    if missed or unheard:
        lines.append(Line("", words.text("answer.gaps", missed=words.number(missed), unheard=words.number(unheard))))
    lines.append(Line("", words.text("answer.who")))
    return tuple(lines)


def _line(event: Event, grid: Grid, words: Catalogue) -> Line:
    services, vantages = names_in(event, "services"), set(names_in(event, "vantages"))
    held = [r for r in grid.readings if r.vantage_id in vantages and _is_within(r.started_at, event)]
    ran = {(r.vantage_id, r.slot_at) for r in held}
    seen = {(r.vantage_id, r.slot_at) for r in held if _is_of(r, event)}
    gaps = [
        slot
        for vantage_id in sorted(vantages)
        for slot in grid.slots.get(vantage_id, ())
        if slot.kind != "ran" and _is_within(slot.at, event)
    ]
    total = len(ran) + len(gaps)
    areas = dict.fromkeys(place.area for place in grid.places if place.vantage_id in vantages)
    is_of_names = event.cause not in {*DARK, "vantage-local"} and bool(services)
    probes = {place.vantage_id for place in grid.places if not place.is_sentinel}
    asked = {r.vantage_id for r in grid.targets if not is_of_names or r.service in services} & probes
    text = words.text(
        "state.blocked.answer" if event.cause == "selective-blocking" else f"answer.cause.{event.cause}",
        what=_what(event, grid, words) if is_of_names else _place(list(areas), words),
        where=words.text(
            "answer.where" if is_of_names else "answer.where_alone",
            seen=words.number(len(vantages)),
            vantages=words.count("count.vantage", len(asked | vantages)),
            **({"places": area_names(areas, words)} if is_of_names else {}),
        ),
        rounds=words.text("summary.rounds", seen=words.number(len(seen)), rounds=words.count("count.round", total))
        + _gaps(gaps, total, words),
        when=_when(event, words),
    )
    return Line(LOOK_OF_CAUSE.get(event.cause, "insufficient"), text, event.event_id)


def _what(event: Event, grid: Grid, words: Catalogue) -> str:
    """Name the services; and of one that is not concerned as a whole, the targets that are."""
    services, targets = names_in(event, "services"), set(names_in(event, "targets"))
    asked = sorted({reading.target for reading in grid.targets if reading.service in services})
    if not targets or targets >= set(asked):
        return listed(services, words)
    return words.text(
        "summary.part_of_service",
        service=listed(services, words),
        targets=listed(sorted(targets), words),
        number=words.number(len(targets)),
        total=words.count("count.target", len(asked)),
    )


def _place(areas: Sequence[Area], words: Catalogue) -> str:
    return area_name(areas[0], words) if len(areas) == 1 else area_names(areas, words)


def _is_within(at: datetime, event: Event) -> bool:
    return at >= event.onset_before and (event.end_after is None or at <= event.end_after)


def _is_of(reading: Reading, event: Event) -> bool:
    targets = names_in(event, "targets")
    return (
        not reading.is_control
        and reading.state == _STATE_OF.get(event.cause)
        and (event.cause in DARK or reading.service in names_in(event, "services"))
        and (not targets or reading.target in targets)
    )


def _gaps(gaps: Sequence[Slot], total: int, words: Catalogue) -> str:
    parts = [
        words.text(f"summary.{kind}_part", number=words.number(number))
        for kind in ("missed", "unheard")
        if (number := sum(slot.kind == kind for slot in gaps))
    ]
    if not parts:
        return ""
    return " " + words.text("summary.of_them", total=words.number(total), parts=", ".join(parts))


def _when(event: Event, words: Catalogue) -> str:
    first = words.moment(event.onset_before.replace(second=0, microsecond=0))
    if event.end_after is None:
        return words.text("answer.still", first=first)
    return words.text("answer.until", first=first, last=words.moment(event.end_after.replace(second=0, microsecond=0)))
