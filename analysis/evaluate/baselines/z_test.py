"""Two proportions, unpaired: does the target fail more often than controls do, at 5 %, one-sided?

The arms lie minutes apart, which is what pairing is for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Seat

CRITICAL = 1.6448536


def accuse(observed: Observed) -> set[Seat]:
    """Test after every slot on all that a vantage has seen so far."""
    accused: set[Seat] = set()
    for rows in observed.series().values():
        failed = tried = controls_failed = controls_tried = 0
        for row in rows:
            failed, tried = failed + sum(row.trials), tried + len(row.trials)
            controls_failed += sum(row.control_trials)
            controls_tried += len(row.control_trials)
            if row.is_failed and z_of(failed, tried, controls_failed, controls_tried) > CRITICAL:
                accused.add(row.seat)
    return accused


def z_of(failed: int, tried: int, controls_failed: int, controls_tried: int) -> float:
    """Give the statistic of two proportions; 0 where there is nothing to compare."""
    if not tried or not controls_tried:
        return 0.0
    pooled = (failed + controls_failed) / (tried + controls_tried)
    variance = pooled * (1.0 - pooled) * (1.0 / tried + 1.0 / controls_tried)
    return (failed / tried - controls_failed / controls_tried) / math.sqrt(variance) if variance > 0.0 else 0.0
