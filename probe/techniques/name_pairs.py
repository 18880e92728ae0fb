"""Name-swap pairs, up to the plan's number, at helpers and a few at the target's own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.anomaly import Anomaly
from probe.swaps import swaps_of
from probe.techniques.technique import Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case

AT_TARGET = 3
"""At the target's own address: with the rest after each failure, more would be waiting."""


async def run(case: Case) -> None:
    """Make the pairs of every kind of name that the target's URL has."""
    pairs = case.pairs
    for swap in swaps_of(case.target):
        so_far = sum(pair.name_kind is swap.kind for pair in case.made)
        at_helper = pairs.helper_places(swap)
        await pairs.several(swap, at_helper, pairs.plan.follow_up - so_far, case.keep_pair)
        await pairs.several(swap, pairs.target_places(swap, case.addresses), AT_TARGET, case.keep_pair)


PAIRS = Technique(
    name="pairs",
    summary="the same handshake or request with another name, order drawn at random",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT, Anomaly.ODD_CERTIFICATE}),
    most_bytes=200_000,
    most_s=240.0,
    run=run,
)
