"""Three failures in a row: the rule of thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Seat

IN_A_ROW = 3


def accuse(observed: Observed) -> set[Seat]:
    """Accuse from the third failure in a row on, until the target is reached."""
    accused: set[Seat] = set()
    for rows in observed.series().values():
        failures = 0
        for row in rows:
            failures = failures + 1 if row.is_failed else 0
            if failures >= IN_A_ROW:
                accused.add(row.seat)
    return accused
