"""Packets: whether resets came another way than the server's own. It supports, and never decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.packets import connections_of, summary_of
from analysis.rules.evidence import Evidence, fired

if TYPE_CHECKING:
    from analysis.facts import Facts

ENOUGH_ODD = 2
"""Connections with an odd reset: one proves nothing."""


def odd_reset(facts: Facts) -> Evidence | None:
    """Fire where the target's name brought odd resets again and again, and no other name brought any reset."""
    with_name = [one for one in connections_of(facts.measurement, "target") if one.resets]
    others = connections_of(facts.measurement, "control")
    odd = [one for one in with_name if one.is_odd]
    if len(odd) < ENOUGH_ODD or 2 * len(odd) <= len(with_name):
        return None
    answered = [one for one in others if one.accepted is not None]
    if len(answered) < ENOUGH_ODD or any(one.resets for one in answered):
        return None
    return fired(
        "packets.odd_reset",
        f"Resets of {len(odd)} connections with the name, and of none with another, did not come the server's way "
        f"({summary_of(odd)}). A fifth of ordinary connections look odd as well.",
        [one.step for one in odd],
    )
