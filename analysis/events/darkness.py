"""From dark spells to happenings: who went dark together, and the atomic scopes within.

A place in which everything is dark and a place in which only the phones are
dark are two things, even if both began within the hour: so places are put
together where they began together and where no bearer is dark in the one and
whole in the other. Within a place, all that is dark at one time belongs
together, because batteries run down one after the other, and operators obey one
after the other.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause
from analysis.causes.happening import Happening, Outage, are_several_homes
from analysis.events.merging import ROLLOUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analysis.events.spells import Spell
    from analysis.facts import VantageFacts

HOME_FAULTS = frozenset({"local.power", "local.gateway", "local.interface"})
"""What a vantage's own fault shows as that several share where their place lost its mains or its lines."""


def outages_of(spells: Iterable[Spell]) -> list[Outage]:
    """Put the dark spells of each vantage's targets together, in order of time."""
    found: dict[str, list[list[Spell]]] = defaultdict(list)
    for spell in sorted(spells, key=lambda s: (s.onset_before, s.vantage.vantage_id, s.target)):
        several = found[spell.vantage.vantage_id]
        if (several and spell.onset_before <= max(s.end_after for s in several[-1])) or (
            several and spell.onset_before < min(s.end_before or spell.onset_before for s in several[-1])
        ):
            several[-1].append(spell)
        else:
            several.append([spell])
    return [_outage(some) for several in found.values() for some in several]


def _outage(spells: Sequence[Spell]) -> Outage:
    first_bad = min(s.onset_before for s in spells)
    ends = [s.end_before for s in spells]
    over = [end for end in ends if end is not None]
    last_bad = max(s.end_after for s in spells)
    earlier = [s.onset_after for s in spells if s.onset_after is not None and s.onset_after < first_bad]
    return Outage(
        vantage=spells[0].vantage,
        onset_after=max(earlier, default=None),
        onset_before=first_bad,
        end_after=last_bad,
        end_before=min((end for end in over if end > last_bad), default=None) if len(over) == len(ends) else None,
        spells=tuple(spells),
        relapses=tuple(sorted({moment for s in spells for moment in s.relapses})),
    )


def faults_of_a_place(spells: Iterable[Spell]) -> list[Outage]:
    """Give the faults of vantages' own that began together in one place: they are its, not theirs."""
    homes = outages_of(
        spell
        for spell in spells
        if spell.cause is Cause.VANTAGE_LOCAL
        and spell.vantage.region is not None
        and any(decision.rule in HOME_FAULTS for _, _, decision in spell.judgements)
    )
    shared: list[Outage] = []
    for outage in homes:
        same = [o.vantage for o in homes if o.place == outage.place and o.began_with(outage)]
        if outage.onset_after is not None and are_several_homes(same):
            shared.append(outage)
    return shared


def happenings_of(outages: Iterable[Outage], vantages: Iterable[VantageFacts]) -> list[list[Happening]]:
    """Give the happenings of each group that went dark together: one an atomic scope."""
    everybody = list(vantages)
    places = [group for several in _by_place(outages).values() for group in _staged(several)]
    joined: list[list[Outage]] = []
    for place in sorted(places, key=lambda p: (min(o.onset_before for o in p), p[0].place)):
        fitting = next((group for group in joined if _began_together(group, place, everybody)), None)
        if fitting is None:
            joined.append(list(place))
        else:
            fitting += place
    return [_atoms(group) for group in joined]


def _by_place(outages: Iterable[Outage]) -> dict[tuple[str, str], list[Outage]]:
    found: dict[tuple[str, str], list[Outage]] = defaultdict(list)
    for outage in sorted(outages, key=lambda o: (o.onset_before, o.vantage_id)):
        found[outage.place].append(outage)
    return dict(sorted(found.items()))


def _staged(outages: Sequence[Outage]) -> list[list[Outage]]:
    """Put the outages of one place together that lasted at one time, each within a day of the one before."""
    groups: list[list[Outage]] = []
    for outage in outages:
        last = groups[-1] if groups else []
        is_near = bool(last) and outage.onset_before - max(o.onset_before for o in last) <= ROLLOUT
        if is_near and any(outage.onset_before <= o.lasts_until or outage.began_with(o) for o in last):
            last.append(outage)
        else:
            groups.append([outage])
    return groups


def _began_together(group: Sequence[Outage], place: Sequence[Outage], everybody: Sequence[VantageFacts]) -> bool:
    mine, theirs = group[0].vantage, place[0].vantage
    if (mine.country, mine.is_sentinel) != (theirs.country, theirs.is_sentinel):
        return False
    if not any(one.began_with(other) for one in group for other in place):
        return False
    parts = {outage.place for outage in group} | {place[0].place}
    dark = {outage.vantage_id for outage in (*group, *place)}
    lasts = [_bearers(part, dark, everybody) for part in sorted(parts)]
    return not any(_contradict(*two) for two in combinations(lasts, 2))


def _bearers(
    place: tuple[str, str], dark: set[str], everybody: Sequence[VantageFacts]
) -> tuple[frozenset[str], frozenset[str]]:
    """Give the bearers of a place that are dark at every vantage, and those that are whole at every one."""
    there = [v for v in everybody if (v.country, v.region) == place and not v.is_sentinel]
    fates: dict[str, set[bool]] = defaultdict(set)
    for vantage in there:
        fates[vantage.bearer].add(vantage.vantage_id in dark)
    return (
        frozenset(bearer for bearer, fate in fates.items() if fate == {True}),
        frozenset(bearer for bearer, fate in fates.items() if fate == {False}),
    )


def _contradict(one: tuple[frozenset[str], frozenset[str]], other: tuple[frozenset[str], frozenset[str]]) -> bool:
    return bool(one[0] & other[1] or one[1] & other[0])


def _atoms(group: Sequence[Outage]) -> list[Happening]:
    by_atom: dict[tuple[str, ...], list[Outage]] = defaultdict(list)
    joint = tuple(sorted(group, key=lambda o: (o.onset_before, o.vantage_id)))
    for outage in joint:
        by_atom[outage.atom].append(outage)
    return [Happening(outages=tuple(several), joint=joint) for _, several in sorted(by_atom.items())]


def times_of(outages: Sequence[Outage]) -> tuple[tuple[datetime | None, datetime], tuple[datetime, datetime] | None]:
    """Give onset and end of several outages as intervals."""
    first_bad = min(o.onset_before for o in outages)
    earlier = [o.onset_after for o in outages if o.onset_after is not None and o.onset_after < first_bad]
    over = [o.end_before for o in outages if o.end_before is not None]
    last_bad = max(o.end_after for o in outages)
    end = (last_bad, max(over)) if len(over) == len(outages) else None
    return (max(earlier, default=None), first_bad), end
