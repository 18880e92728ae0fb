"""What is selectively dead when the rest is back: a rule on a name that came with the darkness, in its scope alone.

Damage cannot leave one name dead after the rest returned. But a fibre may be cut
while Twitter is blocked, and blocked it was by somebody else's hand: a rule that
is older, or that others meet who never were in the dark, says nothing of why it
was dark. So a rule counts that two vantages or more met as soon as they were
back, who had met none before, and that nobody met who stayed in the light,
though somebody there looked.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause
from analysis.ledger import Entry
from analysis.rules.evidence import MAX_WITNESSES
from analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from analysis.causes.happening import Happening, Known, Outage
    from analysis.events.spells import Judgement, Spell

TIED = timedelta(hours=1)
"""A rule that came so shortly before the darkness came with it."""

ENOUGH_VANTAGES = 2
"""One vantage's own box may read names."""

FLOOR = 3.0
"""log10 of what selective blocking needs."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give an entry for each service that a rule was left on, in the scope of the darkness alone."""
    left: dict[str, list[tuple[Outage, Spell]]] = defaultdict(list)
    outages = {outage.vantage_id: outage for outage in happening.joint}
    for spell in known.spells:
        outage = outages.get(spell.vantage.vantage_id)
        if spell.cause is Cause.SELECTIVE_BLOCKING and outage is not None and _came_with(spell, outage, known):
            left[spell.service].append((outage, spell))
    found: list[Entry] = []
    for service, met in sorted(left.items()):
        vantages = {outage.vantage_id for outage, _ in met}
        spells = [spell for _, spell in met]
        if len(vantages) < ENOUGH_VANTAGES or not vantages & happening.vantage_ids:
            continue
        if not _is_bounded(spells, vantages, happening, known):
            continue
        weight, witness = _strength(spells)
        if weight < FLOOR:
            continue
        text = (
            f"{service} was selectively dead at {', '.join(sorted(vantages))} as soon as the rest was back, had not "
            "been before, and was so for nobody who had stayed in the light."
        )
        found.append(Entry("A", "residual.name_rule", weight, witness, text))
    return tuple(found)


def _came_with(spell: Spell, outage: Outage, known: Known) -> bool:
    """Tell whether a target was fine before, and under a rule just before the darkness or as soon as it was over."""
    series = known.judgements_of.get((outage.vantage_id, spell.target), ())
    earlier = [j for j in series if _at(j) < outage.onset_before]
    if not any(j[2].state is State.OK for j in earlier):
        return False
    if spell.onset_before < outage.onset_before:
        return spell.onset_after is not None and outage.onset_before - spell.onset_before <= TIED
    last = earlier[-1]
    back = [j for j in series if outage.end_before is not None and _at(j) >= outage.end_before]
    return last[2].state is State.OK and bool(back) and _at(back[0]) == spell.onset_before


def _is_bounded(spells: Sequence[Spell], vantages: set[str], happening: Happening, known: Known) -> bool:
    """Tell whether all who came back met the rule, nobody did who stayed in the light, and somebody looked there."""
    targets = sorted({spell.target for spell in spells})
    since = happening.last_good or happening.first_bad
    beside = [
        judgement
        for vantage in known.neighbours_of(happening)
        for target in targets
        for judgement in known.judgements_of.get((vantage.vantage_id, target), ())
        if _at(judgement) >= since
    ]
    others = {outage.vantage_id: outage for outage in happening.joint if outage.vantage_id not in vantages}
    spared = any(
        judgement[2].state is State.OK
        for vantage_id, outage in others.items()
        for target in targets
        for judgement in known.judgements_of.get((vantage_id, target), ())
        if outage.end_before is not None and _at(judgement) >= outage.end_before
    )
    is_fine = all(judgement[2].state is State.OK for judgement in beside)
    return bool(beside) and is_fine and not spared


def _strength(spells: Sequence[Spell]) -> tuple[float, tuple[str, ...]]:
    """Give the second strongest vantage's evidence, so that no one vantage carries it, and the rows of all."""
    best: dict[str, float] = {}
    rows: list[str] = []
    for spell in spells:
        for _, evidence, decision in spell.judgements:
            for item in evidence:
                if item.rule == decision.rule:
                    best[spell.vantage.vantage_id] = max(best.get(spell.vantage.vantage_id, 0.0), item.log10_lr)
                    rows += item.observations
    ranked = sorted(best.values(), reverse=True)
    return (ranked[1] if len(ranked) > 1 else 0.0), tuple(dict.fromkeys(rows))[:MAX_WITNESSES]


def _at(judgement: Judgement) -> datetime:
    return judgement[0].measurement.started_at
