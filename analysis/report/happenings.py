"""Events as a report tells them: scope, beginning and end as intervals, and the ledger with both readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from analysis.report import bounds
from analysis.report.appearance import LOOK_OF_CAUSE
from analysis.report.inert import visible
from analysis.report.quoted import Quoted, in_words, kind_in_words
from analysis.report.wording import listed, short
from probe.store.models import Event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.orm import Session

    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Grid

_MINUTE = timedelta(minutes=1)
_CHANNELS = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger."""

    channel: str
    kind: str
    log10_lr: float
    text: Quoted
    witnesses: str
    name: str = ""
    """Of the kind, in words."""


@dataclass(frozen=True, slots=True)
class Interval:
    """When something began or ended: in UTC, and by the clocks of the places concerned."""

    utc: str
    local: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event, worded."""

    event_id: str
    cause: str
    look: str
    title: str
    reading: str
    other: str
    scope: tuple[tuple[str, str], ...]
    """Label and value."""
    began: Interval
    ended: Interval
    mechanisms: tuple[str, ...]
    speaking_for: tuple[Entry, ...]
    speaking_against: tuple[Entry, ...]
    neutral: tuple[Entry, ...]
    entries_left_out: int
    sums_for: str
    """Sums by channel, as the analysis made them."""
    sums_against: str
    wanted: tuple[Quoted, ...]
    """What would change the conclusion."""


def tell(session: Session, grid: Grid, service: str | None, words: Catalogue) -> tuple[tuple[Happening, ...], int]:
    """Word the events, in order of time, and say how many were left out.

    With ``service``, only those whose scope names it, or names no service at all.
    """
    events = session.scalars(select(Event).order_by(Event.onset_before, Event.event_id)).all()
    relevant = [event for event in events if bears_on(event, service)]
    return tuple(_happening(event, grid, words) for event in relevant[: bounds.EVENTS]), max(
        0, len(relevant) - bounds.EVENTS
    )


def _happening(event: Event, grid: Grid, words: Catalogue) -> Happening:
    zones = _zones(event, grid)
    entries = sorted((_entry(item, words) for item in event.ledger), key=lambda entry: -abs(entry.log10_lr))
    speaking_for = [entry for entry in entries if entry.log10_lr > 0]
    neutral = [entry for entry in entries if entry.log10_lr == 0]
    against = [entry for entry in entries if entry.log10_lr < 0]
    shown = bounds.LEDGER_ENTRIES
    cause = event.cause if words.has(f"cause.{event.cause}.title") else "insufficient"
    return Happening(
        event_id=short(event.event_id),
        cause=cause,
        look=LOOK_OF_CAUSE[cause],
        title=words.text(f"cause.{cause}.title"),
        reading=words.text(f"cause.{cause}.reading"),
        other=words.text(f"cause.{cause}.other"),
        scope=tuple(_scope(event, words)),
        began=_interval(event.onset_after, event.onset_before, zones, words),
        ended=Interval(words.text("events.no_end"))
        if event.end_before is None
        else _interval(event.end_after, event.end_before, zones, words),
        mechanisms=tuple(short(mechanism) for mechanism in event.mechanisms),
        speaking_for=tuple(speaking_for[:shown]),
        speaking_against=tuple(against[:shown]),
        neutral=tuple(neutral[:shown]),
        entries_left_out=sum(max(0, len(side) - shown) for side in (speaking_for, against, neutral)),
        sums_for=_sums(event, 0, words),
        sums_against=_sums(event, 1, words),
        wanted=tuple(in_words(str(text), words) for text in event.would_change or ()),
    )


def _entry(item: dict[str, Any], words: Catalogue) -> Entry:
    witnesses = [visible(str(name), bounds.SHORT_TEXT_CHARS) for name in item.get("witness", ())]
    more = f" (+{len(witnesses) - bounds.LISTED_NAMES})" if len(witnesses) > bounds.LISTED_NAMES else ""
    channel = str(item.get("channel", ""))
    return Entry(
        channel=channel if channel in _CHANNELS else "",
        kind=short(str(item.get("kind", ""))),
        log10_lr=float(item.get("log10_lr", 0.0)),
        text=in_words(str(item.get("text", "")), words),
        witnesses=", ".join(witnesses[: bounds.LISTED_NAMES]) + more,
        name=kind_in_words(str(item.get("kind", "")), words),
    )


def _sums(event: Event, position: int, words: Catalogue) -> str:
    hypotheses = event.hypotheses or []
    if position >= len(hypotheses):
        return ""
    sums = hypotheses[position].get("log10_lr") or {}
    return ", ".join(
        words.text("events.weight_of", channel=channel, sum=f"{float(sums[channel]):.1f}")
        for channel in _CHANNELS
        if sums.get(channel)
    )


def _scope(event: Event, words: Catalogue) -> list[tuple[str, str]]:
    services = names_in(event, "services")
    rows = [
        (
            words.text("events.services"),
            listed(services, words) if services else words.text("events.everything"),
        )
    ]
    for label, key in (
        ("events.targets", "targets"),
        ("events.places", "regions"),
        ("events.networks", "networks"),
        ("events.vantages", "vantages"),
    ):
        names = names_in(event, key)
        if names:
            rows.append((words.text(label), listed(names, words)))
    return rows


def names_in(event: Event, key: str) -> list[str]:
    """Give the names of one kind in an event's scope."""
    return [str(name) for name in event.scope.get(key) or []]


def bears_on(event: Event, service: str | None) -> bool:
    """Tell whether an event belongs in a report on ``service``."""
    services = names_in(event, "services")
    return service is None or not services or service in services


def _zones(event: Event, grid: Grid) -> list[ZoneInfo]:
    vantages = set(names_in(event, "vantages"))
    places = [place for place in grid.places if place.vantage_id in vantages and place.zone is not None]
    return list({str(place.zone): place.zone for place in places if place.zone is not None}.values())[:2]


def _interval(first: datetime | None, last: datetime, zones: Sequence[ZoneInfo], words: Catalogue) -> Interval:
    """Word an interval in whole minutes, widened rather than narrowed."""
    last = _whole_minute(last + _MINUTE - timedelta(microseconds=1))
    first = _whole_minute(first) if first is not None else None
    local = tuple(dict.fromkeys(words.local_span(first, last, zone) for zone in zones))
    if first is None:
        return Interval(words.text("events.before", last=words.moment(last)), local)
    return Interval(words.text("events.between", first=words.moment(first), last=words.moment(last)), local)


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
