"""Holds the events that the analysis found against those that really happened. Pure.

An event is *found* (some event of the analysis has its cause, and a vantage, a
target and a moment in common with it), *weaker* (only under a cause that the
truth accepts, or as undetermined), *wrong* (only under another cause) or
*missed*. An event of the analysis that accuses somebody, and that no true
accusing event overlaps, is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from analysis.evaluate.truth import ACCUSING_CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.evaluate.truth import TrueEvent

UNDETERMINED_CAUSES: Final = ("dark-undetermined", "insufficient")
"""Causes that name nobody; honest of any event."""


SHUTDOWN: Final = "shutdown"


class EventGrade(StrEnum):
    """How an event that really happened was told."""

    FOUND = "found"
    WEAKER = "weaker"
    WRONG = "wrong"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedEvent:
    """One event that really happened, graded."""

    name: str
    cause: str
    grade: EventGrade
    named: str | None
    """The cause under which the analysis tells it; ``None`` where it is missed."""
    onset_delay_s: float | None
    """From the true onset to the end of the interval in which the analysis puts it."""
    alerts: int
    """Events of the analysis that tell of it; those that are merely insufficient alert nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseEvent:
    """An event of the analysis that accuses somebody of what nobody did."""

    cause: str
    vantages: tuple[str, ...]
    targets: tuple[str, ...]
    onset: str
    """The end of its onset interval, as the analysis writes it."""


@dataclass(frozen=True, slots=True)
class EventScore:
    """What became of all events of one run."""

    events: tuple[GradedEvent, ...]
    false: tuple[FalseEvent, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One event of the analysis."""

    cause: str
    vantages: frozenset[str]
    targets: frozenset[str]
    """Names of targets and of services."""
    first_bad: datetime
    last_bad: datetime | None
    """``None``: it goes on."""


def match_events(found: Iterable[Mapping[str, Any]], truths: Sequence[TrueEvent]) -> EventScore:
    """Match events as ``nameblind analyze --json`` gives them with those that really happened."""
    told = [(entry, _read(entry)) for entry in found]
    events = tuple(
        _grade(truth, [event for _, event in told if _overlaps(event, truth) and _can_tell_of(event, truth, truths)])
        for truth in truths
    )
    false = tuple(
        FalseEvent(
            cause=event.cause,
            vantages=tuple(sorted(event.vantages)),
            targets=tuple(entry["scope"]["targets"]),
            onset=entry["onset"][1],
        )
        for entry, event in told
        if event.cause in ACCUSING_CAUSES and not any(_excuses(truth, event) for truth in truths)
    )
    return EventScore(events, false)


def _read(entry: Mapping[str, Any]) -> _Found:
    scope, end = entry["scope"], entry["end"]
    return _Found(
        cause=entry["cause"],
        vantages=frozenset(scope["vantages"]),
        targets=frozenset(scope["targets"]) | frozenset(scope["services"]),
        first_bad=datetime.fromisoformat(entry["onset"][1]),
        last_bad=datetime.fromisoformat(end[0]) if end else None,
    )


def _overlaps(event: _Found, truth: TrueEvent) -> bool:
    """Tell whether they share a vantage, a target and a moment at which somebody looked."""
    is_time_shared = (truth.end is None or event.first_bad < truth.end) and (
        event.last_bad is None or event.last_bad >= truth.onset
    )
    return is_time_shared and bool(event.vantages & truth.vantages) and bool(event.targets & truth.targets)


def _can_tell_of(event: _Found, truth: TrueEvent, truths: Sequence[TrueEvent]) -> bool:
    """Tell whether an event may be about this truth: one of another cause is not, where another truth is its own."""
    if event.cause in {truth.cause, *truth.accept, *UNDETERMINED_CAUSES}:
        return True
    return not any(other.cause == event.cause and _overlaps(event, other) for other in truths)


def _excuses(truth: TrueEvent, event: _Found) -> bool:
    """Tell whether a true event bears out that somebody did it. A rule on a name bears out no `shutdown`."""
    is_alike = truth.cause in ACCUSING_CAUSES and (event.cause != SHUTDOWN or truth.cause == SHUTDOWN)
    return (is_alike or event.cause in truth.accept) and _overlaps(event, truth)


def _grade(truth: TrueEvent, candidates: Sequence[_Found]) -> GradedEvent:
    def rank(event: _Found) -> tuple[int, datetime, str]:
        """Order by how near the cause comes to the true one, then by onset."""
        nearness = (
            event.cause == truth.cause,
            event.cause in truth.accept,
            *(event.cause == undetermined for undetermined in UNDETERMINED_CAUSES),
            True,
        )
        return nearness.index(True), event.first_bad, event.cause

    best = min(candidates, key=rank, default=None)
    return GradedEvent(
        name=truth.name,
        cause=truth.cause,
        grade=_grade_of(best, truth),
        named=best.cause if best else None,
        onset_delay_s=(best.first_bad - truth.onset).total_seconds() if best else None,
        alerts=sum(event.cause != "insufficient" for event in candidates),
    )


def _grade_of(event: _Found | None, truth: TrueEvent) -> EventGrade:
    if event is None:
        return EventGrade.MISSED
    if event.cause == truth.cause:
        return EventGrade.FOUND
    is_honest = event.cause in truth.accept or event.cause in UNDETERMINED_CAUSES
    return EventGrade.WEAKER if is_honest else EventGrade.WRONG


def is_borne_out(entry: Mapping[str, Any], truths: Iterable[TrueEvent]) -> bool:
    """Tell whether a true event has the cause that this one names, or accepts it, there and then."""
    event = _read(entry)
    return any(event.cause in {truth.cause, *truth.accept} and _overlaps(event, truth) for truth in truths)


def is_by_somebody(entry: Mapping[str, Any], truths: Iterable[TrueEvent]) -> bool:
    """Tell whether a true event that somebody brought about shares a vantage, a target and a moment with this one."""
    event = _read(entry)
    return any(truth.cause in ACCUSING_CAUSES and _overlaps(event, truth) for truth in truths)
