"""The same question with another name, asked of a helper that answers every name alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.anomaly import Anomaly
from probe.pairs import is_discordant
from probe.swaps import qname
from probe.techniques.technique import Need, Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case

FIRST = 6
"""Pairs before it is given up where all of them agree: a fault elsewhere needs no more to be told from a rule."""


async def run(case: Case) -> None:
    """Make a few pairs, and up to the plan's number once one was discordant."""
    pairs = case.pairs
    for swap in qname.swaps(case.target):
        places = pairs.helper_places(swap)
        await pairs.several(swap, places, min(FIRST, pairs.plan.follow_up), case.keep_pair)
        so_far = [pair for pair in case.made if pair.name_kind is swap.kind]
        discordant = sum(map(is_discordant, so_far))
        if discordant:
            left = pairs.plan.follow_up - len(so_far)
            await pairs.several(swap, places, left, case.keep_pair, discordant_before=discordant)


QNAME_PAIRS = Technique(
    name="qname-pairs",
    summary="the same DNS question with another name, at a helper, order drawn at random",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.ODD_NAME, Anomaly.ODD_CERTIFICATE, Anomaly.DISCORDANT}),
    needs=frozenset({Need.HELPER_DNS}),
    most_bytes=30_000,
    most_s=90.0,
    run=run,
)
