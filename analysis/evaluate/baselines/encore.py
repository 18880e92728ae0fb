"""A one-sided binomial test against a success rate of 0.7, at 5 %, by country (Burnett and Feamster, SIGCOMM 2015).

A target counts as filtered where the test rejects in this country and does not
elsewhere: here, at the sentinels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.stats import binom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.evaluate.observed import Observed, Row, Seat

SUCCESS_RATE, LEVEL = 0.7, 0.05


def accuse(observed: Observed) -> set[Seat]:
    """Test after every slot on all that was seen so far, and accuse the slots in which the target failed."""
    accused: set[Seat] = set()
    for target in sorted({row.target for row in observed.rows}):
        for slot in range(observed.slots):
            here = [row for row in observed.rows if row.target == target and row.slot <= slot]
            there = [row for row in observed.sentinel_rows if row.target == target and row.slot <= slot]
            if _rejects(here) and not _rejects(there):
                accused |= {row.seat for row in here if row.slot == slot and row.is_failed}
    return accused


def _rejects(rows: Sequence[Row]) -> bool:
    successes = sum(not row.is_failed for row in rows)
    return bool(rows) and float(binom.cdf(successes, len(rows), SUCCESS_RATE)) <= LEVEL
