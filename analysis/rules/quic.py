"""QUIC for any name at all. A rule on one name is for pairs to tell (:mod:`analysis.rules.pairs`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.pairs import Standing, has_failed
from analysis.rules.evidence import Evidence, fired
from probe.model import NameKind, Peer

if TYPE_CHECKING:
    from analysis.facts import Facts

ENOUGH_PAIRS = 3


def dead(facts: Facts) -> Evidence | None:
    """Fire where no QUIC handshake with a helper succeeded, whatever its name: that accuses nobody.

    UDP to that port is filtered or lost; a browser goes on over TCP. A helper that does not speak QUIC looks the same.
    """
    arms = [
        (pair, arm)
        for pair in facts.measurement.pairs
        if pair.name_kind == NameKind.QUIC and pair.peer == Peer.HELPER
        if facts.pairs_not_counted.get(pair.pair_id, Standing.COUNTED) is Standing.COUNTED
        for arm in (pair.target_arm, pair.control_arm)
        if arm is not None
    ]
    if len(arms) < 2 * ENOUGH_PAIRS or not all(has_failed(pair, arm) for pair, arm in arms):
        return None
    return fired(
        "path.quic_dead",
        f"All {len(arms)} QUIC handshakes failed, whatever their name: UDP is filtered or lost on the way.",
        [arm for _, arm in arms],
    )
