"""Dates spells of a rule on names by their pairs, where detectors say when the rule began and ceased.

A page may still come by a second attempt while every other flow is dropped, so the
first measurement that failed may be late, and an `ok` shows nothing. Pairs see it
sooner, and the detectors' interval holds whatever the damage did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause
from probe.model import NameKind, Peer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.detectors import Change
    from analysis.events.spells import Spell
    from analysis.runs import Series


def dated(spell: Spell, changes_of: Mapping[Series, Sequence[Change]]) -> Spell:
    """Give the spell with an earlier onset and a later end, where pairs of its own series bear them out."""
    if spell.cause is not Cause.SELECTIVE_BLOCKING:
        return spell
    for kind in NameKind:
        changes = changes_of.get((spell.vantage.vantage_id, spell.target, kind.value, Peer.HELPER.value), ())
        for place in range(0, len(changes), 2):
            onset, *end = changes[place : place + 2]
            if onset.before <= spell.end_after and (not end or end[0].before >= spell.onset_before):
                spell = _with(spell, onset, end[0] if end else None)
    return spell


def _with(spell: Spell, onset: Change, end: Change | None) -> Spell:
    if onset.before < spell.onset_before:
        after = onset.after
        if after is None and spell.onset_after is not None and spell.onset_after < onset.before:
            after = spell.onset_after
        spell = replace(spell, onset_after=after, onset_before=onset.before)
    if end is not None and end.after is not None and end.after > spell.end_after:
        before = spell.end_before
        spell = replace(spell, end_after=end.after, end_before=before and max(before, end.before))
    return spell
