"""OONI's detector as published: a two-sided CUSUM on hourly medians, by network and target.

Means fixed beforehand at 0 (fine) and 0.7 (blocked); the threshold follows from
an expected delay of 10 observed hours, h = 10 * 0.7 / 2 (ooni/data, pull request
138, after Basseville and Nikiforov, Detection of Abrupt Changes, 1993, 2.2.5).
It is given the state `ok` to start from, which its first hours establish.
"""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.evaluate.observed import Observed, Row, Seat

FINE, BLOCKED, DELAY_HOURS = 0.0, 0.7, 10
DRIFT = (BLOCKED - FINE) / 2
THRESHOLD = DELAY_HOURS * DRIFT


def accuse(observed: Observed) -> set[Seat]:
    """Accuse from the hour of the alert on, until the opposite one."""
    hours: dict[tuple[str, str], dict[datetime, list[Row]]] = {}
    for row in observed.rows:
        hour = row.at - timedelta(minutes=row.at.minute, seconds=row.at.second, microseconds=row.at.microsecond)
        hours.setdefault((row.network, row.target), {}).setdefault(hour, []).append(row)
    accused: set[Seat] = set()
    for by_hour in hours.values():
        is_blocked, risen = False, 0.0
        for _, rows in sorted(by_hour.items()):
            value = float(median(float(row.is_failed) for row in rows))
            step = BLOCKED - value if is_blocked else value - FINE
            risen = max(0.0, risen + step - DRIFT)
            if risen > THRESHOLD:
                is_blocked, risen = not is_blocked, 0.0
            if is_blocked:
                accused |= {row.seat for row in rows if row.is_failed}
    return accused
