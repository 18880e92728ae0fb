"""When the operators went dark, against each other.

One fibre took three operators at one minute (Shymkent 2025); operators that were
ordered took from twenty minutes (Egypt 2011) to a day (Iran 2019). So neither is
proof: together says something only of operators of which it is documented that
they share nothing, and that never much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.ledger import Entry
from analysis.times import iso

if TYPE_CHECKING:
    from analysis.causes.happening import Happening, Known, Outage

TOGETHER = 0.5
"""What is independent fails at one moment by order, hardly by chance."""

MOST = 0.5
"""Bound on what an onset may say, either way."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give one entry where two operators or more went dark."""
    first: dict[str, Outage] = {}
    for outage in happening.joint:
        if outage.vantage.network is not None:
            first.setdefault(outage.vantage.network, outage)
    if len(first) < 2:
        return ()
    told = "; ".join(
        f"{network} between {iso(o.onset_after) if o.onset_after else 'an unknown moment'} and {iso(o.onset_before)}"
        for network, o in sorted(first.items())
    )
    witness = tuple(row for outage in first.values() for row in outage.witness)
    is_together = all(one.began_with(other) for one in first.values() for other in first.values())
    if not is_together:
        text = f"The operators went dark one after the other: {told}. Batteries run down so, and orders are obeyed so."
        return (Entry("B", "onset.staggered", 0.0, witness, text),)
    if any(outage.onset_after is None for outage in first.values()):
        return ()
    if known.are_independent(happening, tuple(o.vantage for o in first.values())):
        text = f"Operators that share nothing, as is documented, may have gone dark at one moment: {told}."
        return (Entry("B", "onset.together", min(TOGETHER, MOST), witness, text),)
    text = (
        f"The operators may have gone dark at one moment: {told}. That is no proof: one fibre that they share does "
        "the same, and what they share is not documented."
    )
    return (Entry("B", "onset.together", 0.0, witness, text),)
