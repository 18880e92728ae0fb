"""Control, five tests, control (Raman and others, Hyperquack, USENIX Security 2020; Censored Planet).

A control answers, all tests of the name fail (up to five, the first success
ends them), and a control answers again. Rows with failing controls are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Seat

TRIALS, LEAST = 5, 2


def accuse(observed: Observed) -> set[Seat]:
    """Accuse a row whose tests all failed between two controls that answered; up to five were made of it."""
    return {
        row.seat
        for row in observed.rows
        if all(row.were_controls_alive) and len(row.trials) >= LEAST and all(row.trials[:TRIALS])
    }
