"""Signs that a place lost its mains or its lines: what no order through a router can do.

A shutdown runs down no battery and drops no carrier at a volunteer's own port.
It may be done by cutting the mains, and a lost supply may be sabotage: the
signs say what failed, not who wanted it.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause
from analysis.causes.happening import are_several_homes
from analysis.ledger import Entry
from analysis.times import iso

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.causes.happening import Happening, Known

BATTERIES_LAST = timedelta(hours=24)
"""Towers and exchanges go on by battery for hours after the mains failed; hardly any for longer than a day."""

AT_ONCE = timedelta(minutes=15)
"""Mains that fail for several machines of a place within it fail for the place."""

ONE_PLACE = -2.0
"""Several homes of a place lose the mains, their gateways or their carriers."""
ONE_HOME = -0.5
"""One gateway that died may be its owner's fault."""

HOME_RULES = frozenset({"local.power", "local.gateway", "local.interface"})


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give the signs of lost power and lost carrier in the happening's place, up to a day before."""
    return (*_mains(happening, known), *_homes(happening, known))


def _window(happening: Happening) -> tuple[datetime, datetime]:
    until = max(outage.end_after for outage in happening.outages)
    return (happening.last_good or happening.first_bad) - BATTERIES_LAST, until


def _is_there(happening: Happening, known: Known, vantage_id: str) -> bool:
    vantage = known.vantages.get(vantage_id)
    if vantage is None or vantage.is_sentinel:
        return False
    if vantage.region is None:
        return vantage_id in happening.vantage_ids
    return (vantage.country, vantage.region) == happening.place


def _mains(happening: Happening, known: Known) -> list[Entry]:
    """Give the entry of machines that went over to battery at once. One alone was unplugged by its owner."""
    first, until = _window(happening)
    lost: dict[str, datetime] = {}
    for vantage_id in known.vantages:
        if not _is_there(happening, known, vantage_id):
            continue
        telling = [look for look in known.looks_of(vantage_id) if look.power is not None]
        for one, other in pairwise(telling):
            back = [look.sampled_at for look in telling if look.sampled_at > other.sampled_at and look.power == "mains"]
            lasts = not back or back[0] > (happening.last_good or happening.first_bad)
            if one.power == "mains" and other.power == "battery" and first <= other.sampled_at <= until and lasts:
                lost.setdefault(vantage_id, other.sampled_at)
    at_once = max(
        ({v for v, at in lost.items() if moment <= at <= moment + AT_ONCE} for moment in lost.values()),
        key=lambda some: (len(some), sorted(some)),
        default=set(),
    )
    if not are_several_homes(known.vantages[vantage_id] for vantage_id in at_once):
        return []
    told = ", ".join(f"{vantage} at {iso(at)}" for vantage, at in sorted(lost.items()))
    text = f"The mains failed for several machines of the place, which went on by battery ({told})."
    return [Entry("B", "power.mains", ONE_PLACE, (), text)]


def _homes(happening: Happening, known: Known) -> list[Entry]:
    """Give the entry of gateways and carriers that were lost in the place."""
    first, until = _window(happening)
    faults: dict[str, datetime] = {}
    witness: list[str] = []
    for spell in known.spells:
        deciding = {decision.rule for _, _, decision in spell.judgements} & HOME_RULES
        is_near = first <= spell.onset_before <= until and (spell.end_before or until) > happening.first_bad
        if spell.cause is not Cause.VANTAGE_LOCAL or not deciding or not is_near:
            continue
        if spell.onset_after is None or not _is_there(happening, known, spell.vantage.vantage_id):
            continue
        if spell.vantage.vantage_id not in faults:
            steps = spell.judgements[0][0].measurement.outcome.steps
            witness += [steps[0].observation_id] if steps else []
        faults.setdefault(spell.vantage.vantage_id, spell.onset_before)
    if not faults:
        return []
    told = ", ".join(f"{vantage} at {iso(at)}" for vantage, at in sorted(faults.items()))
    is_place = are_several_homes(known.vantages[vantage_id] for vantage_id in faults)
    kind = "power.place" if is_place else "power.one_home"
    text = (
        f"In the place, gateways, carriers or the mains of homes were lost ({told}), which no order upstream can do."
        if is_place
        else f"In the place one gateway or carrier was lost ({told}): the mains, or its owner's fault."
    )
    return [Entry("B", kind, ONE_PLACE if is_place else ONE_HOME, tuple(witness), text)]
