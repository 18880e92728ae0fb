"""From states to events: what began, for whom, and (perhaps) ended.

First the states of each vantage and target are cut into *spells*: successive
measurements of one cause. Then spells that began at the same time, as far as
anyone can tell, become one event: over the targets of a service, over vantages,
and (where the cause reads no names) over services. One national block of one
service is one event, not hundreds.

Onset and end are intervals, because nobody looked in between. Intent is never
measured, and no event names anybody.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from analysis.ledger import Entry, ledger_of
from analysis.runs import WINDOW
from analysis.states import State
from analysis.times import iso
from probe.model import TargetKind
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.facts import Facts, VantageFacts
    from analysis.rules.evidence import Evidence
    from analysis.states import Decision

    Judgement = tuple[Facts, tuple[Evidence, ...], Decision]

BRIDGED_OK = 2
"""So many `ok` in a row do not end a spell that goes on after them: half-rate and intermittent rules spare some."""

ONSET_TOLERANCE = WINDOW
"""Onsets so far apart still count as one: an `ok` under a half-rate rule does not show that the rule was not there."""

NETWORK_VANTAGES = 2
"""Vantages in one network (or region) before it is named: with one, the vantage's own box may be the cause."""


class Cause(StrEnum):
    """Of an event. Those that this version never gives are named in ``docs/method.md``."""

    SELECTIVE_BLOCKING = "selective-blocking"
    THROTTLING = "throttling"
    TAMPERING = "tampering"
    WITHHOLDING = "withholding"
    TARGET_DOWN = "target-down"
    DARK_UNDETERMINED = "dark-undetermined"
    VANTAGE_LOCAL = "vantage-local"
    INSUFFICIENT = "insufficient"


CAUSE_OF = {
    State.BLOCKED: Cause.SELECTIVE_BLOCKING,
    State.THROTTLED: Cause.THROTTLING,
    State.TAMPERED: Cause.TAMPERING,
    State.WITHHELD: Cause.WITHHOLDING,
    State.DOWN: Cause.TARGET_DOWN,
    State.DARK: Cause.DARK_UNDETERMINED,
    State.LOCAL: Cause.VANTAGE_LOCAL,
    State.SUSPECTED: Cause.INSUFFICIENT,
    State.INSUFFICIENT: Cause.INSUFFICIENT,
}

_PATH_WORKED = frozenset({State.OK, State.BLOCKED, State.THROTTLED, State.TAMPERED, State.WITHHELD, State.DOWN})
_OVER_WITH = {Cause.DARK_UNDETERMINED: _PATH_WORKED, Cause.VANTAGE_LOCAL: _PATH_WORKED | {State.DARK}}
"""States that show that a cause did not hold; for the causes not named here, only `ok` does."""

_OVER_SERVICES = frozenset({Cause.DARK_UNDETERMINED, Cause.VANTAGE_LOCAL})
"""They hit whatever is measured, so the services do not tell them apart."""


@dataclass(frozen=True, slots=True)
class Spell:
    """Successive measurements of one cause at one vantage and target."""

    cause: Cause
    vantage: VantageFacts
    target: str
    service: str
    onset_after: datetime | None
    onset_before: datetime
    end_after: datetime
    end_before: datetime | None
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that began, had a scope and perhaps ended."""

    event_id: str = ""
    cause: Cause
    scope: dict[str, list[str]]
    onset: tuple[datetime | None, datetime]
    end: tuple[datetime, datetime] | None
    mechanisms: tuple[str, ...]
    ledger: tuple[Entry, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Give the event as ``analyze --json`` prints it."""
        after, before = self.onset
        return {
            "id": self.event_id,
            "cause": self.cause.value,
            "scope": self.scope,
            "onset": [iso(after) if after else None, iso(before)],
            "end": [iso(moment) for moment in self.end] if self.end else None,
            "mechanisms": list(self.mechanisms),
            "ledger": [entry.as_dict() for entry in self.ledger],
        }

    def as_row(self) -> models.Event:
        """Give the event as a row of the store."""
        return models.Event(
            event_id=self.event_id,
            cause=self.cause.value,
            scope=self.scope,
            onset_after=self.onset[0],
            onset_before=self.onset[1],
            end_after=self.end[0] if self.end else None,
            end_before=self.end[1] if self.end else None,
            mechanisms=list(self.mechanisms),
            ledger=[entry.as_dict() for entry in self.ledger],
        )


def events_of(judgements: Iterable[Judgement]) -> tuple[Event, ...]:
    """Give every event, in order of onset. Controls and portal checks make none of their own."""
    series: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        measurement = judgement[0].measurement
        if measurement.kind == TargetKind.TARGET:
            series[measurement.vantage_id, measurement.target].append(judgement)
    spells = [spell for key in sorted(series) for spell in spells_of(series[key])]
    events = [_event(group) for group in _group(spells)]
    return tuple(sorted(events, key=lambda event: (event.onset[1], event.cause.value, event.event_id)))


def spells_of(series: Sequence[Judgement]) -> list[Spell]:
    """Cut one series into spells.

    Between two `ok` that count, each cause has one spell, from its first to its
    last measurement. What is merely unknown there belongs to the known cause
    beside it, if there is one.
    """
    ordered = sorted(series, key=lambda j: (j[0].measurement.started_at, j[0].measurement.measurement_id))
    spells: list[Spell] = []
    for start, end in _episodes([j[2].state for j in ordered]):
        inside = ordered[start:end]
        before = ordered[start - 1][0].measurement.started_at if start else None
        after = ordered[end][0].measurement.started_at if end < len(ordered) else None
        causes = {CAUSE_OF[j[2].state] for j in inside if j[2].state is not State.OK}
        named = causes - {Cause.INSUFFICIENT} or causes
        spells.extend(_spell(cause, inside, before, after) for cause in sorted(named))
    return spells


def _episodes(states: Sequence[State]) -> list[tuple[int, int]]:
    """Give [start, end) of every stretch without `ok`, short runs of `ok` in its middle included."""
    bad = [i for i, state in enumerate(states) if state is not State.OK]
    episodes: list[tuple[int, int]] = []
    for i in bad:
        if episodes and i - episodes[-1][1] <= BRIDGED_OK:
            episodes[-1] = (episodes[-1][0], i + 1)
        else:
            episodes.append((i, i + 1))
    return episodes


def _spell(cause: Cause, inside: Sequence[Judgement], before: datetime | None, after: datetime | None) -> Spell:
    mine = [i for i, j in enumerate(inside) if j[2].state is not State.OK and CAUSE_OF[j[2].state] is cause]
    first, last = mine[0], mine[-1]
    over_with = _OVER_WITH.get(cause, frozenset({State.OK}))
    good_before = [j[0].measurement.started_at for j in inside[:first] if j[2].state in over_with]
    good_after = [j[0].measurement.started_at for j in inside[last + 1 :] if j[2].state in over_with]
    facts = inside[first][0]
    return Spell(
        cause=cause,
        vantage=facts.cycle.vantage,
        target=facts.measurement.target,
        service=facts.measurement.service,
        onset_after=good_before[-1] if good_before else before,
        onset_before=facts.measurement.started_at,
        end_after=inside[last][0].measurement.started_at,
        end_before=good_after[0] if good_after else after,
        judgements=tuple(inside[i] for i in mine),
    )


@dataclass(slots=True)
class _Group:
    """Spells taken for one event, with the interval in which all of them may have begun."""

    spells: list[Spell]
    onset_after: datetime | None
    onset_before: datetime
    lasts_until: datetime

    def can_take(self, spell: Spell) -> bool:
        """Tell whether the spell may have begun with the rest, and began while they may have lasted."""
        after = max((t for t in (self.onset_after, spell.onset_after) if t), default=None)
        before = min(self.onset_before, spell.onset_before)
        begins_together = after is None or after < before + ONSET_TOLERANCE
        return begins_together and spell.onset_before <= self.lasts_until

    def take(self, spell: Spell) -> None:
        """Add a spell."""
        self.spells.append(spell)
        self.onset_after = max((t for t in (self.onset_after, spell.onset_after) if t), default=None)
        self.onset_before = min(self.onset_before, spell.onset_before)
        self.lasts_until = max(self.lasts_until, _last(spell))


def _last(spell: Spell) -> datetime:
    """Give the latest moment at which the spell may still have lasted."""
    return spell.end_before or datetime.max.replace(tzinfo=UTC)


def _group(spells: Iterable[Spell]) -> list[list[Spell]]:
    """Put spells together that may be one event, the earliest onset first."""
    keyed: dict[tuple[str, ...], list[_Group]] = defaultdict(list)
    for spell in sorted(spells, key=lambda s: (s.onset_before, s.vantage.vantage_id, s.target)):
        groups = keyed[_key(spell)]
        fitting = next((group for group in groups if group.can_take(spell)), None)
        if fitting is not None:
            fitting.take(spell)
        else:
            groups.append(_Group([spell], spell.onset_after, spell.onset_before, _last(spell)))
    return [group.spells for key in sorted(keyed) for group in keyed[key]]


def _key(spell: Spell) -> tuple[str, ...]:
    if spell.cause is Cause.VANTAGE_LOCAL:
        return (spell.cause.value, spell.vantage.vantage_id)
    return (spell.cause.value,) if spell.cause in _OVER_SERVICES else (spell.cause.value, spell.service)


def _event(spells: Sequence[Spell]) -> Event:
    vantages = {spell.vantage.vantage_id: spell.vantage for spell in spells}
    mechanisms = {m for spell in spells for _, _, decision in spell.judgements for m in decision.mechanisms}
    first_bad = min(spell.onset_before for spell in spells)
    starts = [s.onset_after for s in spells if s.onset_after is not None and s.onset_after < first_bad]
    ends = [spell.end_before for spell in spells]
    over = [end for end in ends if end is not None]
    cause = spells[0].cause
    event = Event(
        cause=cause,
        scope={
            "vantages": sorted(vantages),
            "networks": _shared(v.network for v in vantages.values()),
            "regions": _shared(v.region for v in vantages.values()),
            "services": sorted({spell.service for spell in spells}),
            "targets": sorted({spell.target for spell in spells}),
        },
        onset=(max(starts, default=None), first_bad),
        end=(max(spell.end_after for spell in spells), max(over)) if len(over) == len(ends) else None,
        mechanisms=tuple(sorted(mechanisms)),
        ledger=ledger_of([j for spell in spells for j in spell.judgements], reads_names=cause not in _OVER_SERVICES),
    )
    content = json.dumps(event.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return replace(event, event_id=f"e{hashlib.sha256(content.encode()).hexdigest()[:16]}")


def _shared(names: Iterable[str | None]) -> list[str]:
    """Give the networks or regions in which enough vantages stand."""
    counts = Counter(name for name in names if name is not None)
    return sorted(name for name, count in counts.items() if count >= NETWORK_VANTAGES)
