"""A fraction of the median (IODA): an alert where a signal falls under 80 % of the median of its past.

IODA's active probing counts answering blocks by region and network against the
week before. Here the signal is how many of a network's measurements succeed, and
each alert is taken for a deliberate cut: IODA itself leaves the cause to people.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Seat

FRACTION = 0.8


def accuse(observed: Observed) -> set[Seat]:
    """Accuse whatever failed in a slot whose count fell under the fraction of the median of all slots before."""
    accused: set[Seat] = set()
    for network in sorted({row.network for row in observed.rows}):
        rows = [row for row in observed.rows if row.network == network]
        past: list[int] = []
        for slot in range(observed.slots):
            now = [row for row in rows if row.slot == slot]
            count = sum(not row.is_failed for row in now)
            if past and count < FRACTION * median(past):
                accused |= {row.seat for row in now if row.is_failed}
            past.append(count)
    return accused
