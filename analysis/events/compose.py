"""Composes the events of an analysis from spells, happenings and their ledgers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.causes import silence
from analysis.causes.cause import Cause
from analysis.causes.happening import Happening, Known
from analysis.causes.hypotheses import hypotheses_of, would_change
from analysis.causes.sources import entries_of
from analysis.causes.verdict import cause_of
from analysis.events.darkness import faults_of_a_place, happenings_of, outages_of, times_of
from analysis.events.dates import dated
from analysis.events.event import Event, Member, named, shared
from analysis.events.merging import merge
from analysis.events.silence import silent_outages
from analysis.events.spells import spells_of
from analysis.facts import Surroundings
from analysis.ledger import ledger_of
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.causes.happening import Outage
    from analysis.detectors import Change
    from analysis.events.spells import Judgement, Spell
    from analysis.facts import CycleFacts, VantageFacts
    from analysis.grid import Grid
    from analysis.ledger import Entry
    from analysis.runs import Series


def events_of(
    judgements: Iterable[Judgement],
    cycles: Sequence[CycleFacts] = (),
    beside: Surroundings | None = None,
    *,
    grid: Grid,
    changes_of: Mapping[Series, Sequence[Change]],
) -> tuple[Event, ...]:
    """Give every event, in order of onset. Controls and portal checks make none of their own.

    ``changes_of``: onsets and ends of rules on names, by series, as the detectors date them.
    """
    everything = tuple(judgements)
    series: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in everything:
        measurement = judgement[0].measurement
        if measurement.kind == TargetKind.TARGET:
            series[measurement.vantage_id, measurement.target].append(judgement)
    spells = [dated(spell, changes_of) for key in sorted(series) for spell in spells_of(series[key])]
    known = Known(cycles=cycles, beside=beside or Surroundings(), judgements=everything, spells=spells)
    outages = [*outages_of(s for s in spells if s.cause is Cause.DARK_UNDETERMINED), *faults_of_a_place(spells)]
    taken = {id(spell) for outage in outages for spell in outage.spells}
    silent, ours = silent_outages(grid, known, outages)
    groups = happenings_of([*outages, *silent], known.vantages.values())
    events = [event for group in groups for event in _of_darkness(group, known)]
    events += [_dark_event(Cause.INSUFFICIENT, _with_entries(some, known), known) for some in _by_silence(ours)]
    events += [_of_spells(group) for group in merge(s for s in spells if id(s) not in taken)]
    return tuple(sorted(events, key=lambda event: (event.onset[1], event.cause.value, event.event_id)))


def _by_silence(outages: Iterable[Outage]) -> list[list[Outage]]:
    """Put outages of one silence together: whether we are to blame is asked of all of it."""
    found: dict[str, list[Outage]] = defaultdict(list)
    for outage in outages:
        found[outage.silence.text if outage.silence else ""].append(outage)
    return [found[text] for text in sorted(found)]


def _with_entries(outages: Sequence[Outage], known: Known) -> list[tuple[Happening, tuple[Entry, ...]]]:
    happening = Happening(outages=tuple(outages), joint=tuple(outages))
    return [(happening, silence.entries(happening, known))]


def _of_darkness(group: Sequence[Happening], known: Known) -> list[Event]:
    """Give one event for each cause that holds in some of the scopes that went dark together."""
    by_cause: dict[Cause, list[tuple[Happening, tuple[Entry, ...]]]] = defaultdict(list)
    for happening in group:
        entries = entries_of(happening, known)
        by_cause[cause_of(entries, len(happening.joint_ids))].append((happening, entries))
    return [_dark_event(cause, by_cause[cause], known) for cause in sorted(by_cause)]


def _dark_event(cause: Cause, scopes: Sequence[tuple[Happening, tuple[Entry, ...]]], known: Known) -> Event:
    outages = [outage for happening, _ in scopes for outage in happening.outages]
    spells = [spell for outage in outages for spell in outage.spells]
    said = [entry for _, several in scopes for entry in several]
    seen = ledger_of([j for spell in spells for j in spell.judgements], reads_names=False)
    members = [_member(spell) for spell in spells]
    members += [member for outage in outages if outage.silence is not None for member in _silent(outage, known)]
    onset, end = times_of(outages)
    return _complete(
        Event(
            cause=cause,
            scope=_scope(
                (outage.vantage for outage in outages), {(m.target, known.service_of(m.target)) for m in members}
            ),
            onset=onset,
            end=end,
            ledger=(*dict.fromkeys(said), *seen),
            members=tuple(members),
        ),
        {outage.vantage.network for outage in outages},
    )


def _of_spells(spells: Sequence[Spell]) -> Event:
    mechanisms = {m for spell in spells for _, _, decision in spell.judgements for m in decision.mechanisms}
    first_bad = min(spell.onset_before for spell in spells)
    starts = [s.onset_after for s in spells if s.onset_after is not None and s.onset_after < first_bad]
    over = [spell.end_before for spell in spells if spell.end_before is not None]
    cause = spells[0].cause
    return _complete(
        Event(
            cause=cause,
            scope=_scope((spell.vantage for spell in spells), {(spell.target, spell.service) for spell in spells}),
            onset=(max(starts, default=None), first_bad),
            end=(max(s.end_after for s in spells), max(over)) if len(over) == len(spells) else None,
            mechanisms=tuple(sorted(mechanisms)),
            ledger=ledger_of(
                [j for spell in spells for j in spell.judgements], reads_names=cause is not Cause.VANTAGE_LOCAL
            ),
            members=tuple(_member(spell) for spell in spells),
        ),
        {spell.vantage.network for spell in spells},
    )


def _complete(event: Event, networks: set[str | None]) -> Event:
    """Add both hypotheses and what would change the conclusion, and give the event its name."""
    return named(
        Event(
            cause=event.cause,
            scope=event.scope,
            onset=event.onset,
            end=event.end,
            mechanisms=event.mechanisms,
            ledger=event.ledger,
            members=tuple(sorted(event.members, key=lambda m: (m.vantage, m.target, m.onset[1]))),
            hypotheses=hypotheses_of(event.cause, event.ledger),
            would_change=would_change(event.cause, event.ledger, event.scope["vantages"], len(networks)),
        )
    )


def _scope(vantages: Iterable[VantageFacts], targets: set[tuple[str, str]]) -> dict[str, list[str]]:
    of = {vantage.vantage_id: vantage for vantage in vantages}
    return {
        "vantages": sorted(of),
        "networks": shared(v.network for v in of.values()),
        "regions": shared(v.region for v in of.values()),
        "services": sorted({service for _, service in targets}),
        "targets": sorted({target for target, _ in targets}),
    }


def _member(spell: Spell) -> Member:
    return Member(
        vantage=spell.vantage.vantage_id,
        target=spell.target,
        onset=(spell.onset_after, spell.onset_before),
        end=(spell.end_after, spell.end_before) if spell.end_before else None,
        relapses=spell.relapses,
    )


def _silent(outage: Outage, known: Known) -> list[Member]:
    """Give the series of which nothing was heard: all that the vantage measured before."""
    return [
        Member(
            vantage=outage.vantage_id,
            target=target,
            onset=(outage.onset_after, outage.onset_before),
            end=(outage.end_after, outage.end_before) if outage.end_before else None,
        )
        for target in known.targets_of(outage.vantage_id, outage.onset_before)
    ]
