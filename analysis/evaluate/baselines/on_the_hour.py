"""Start on the hour: an outage that begins at a full hour is taken for an order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Row, Seat

NEAR = timedelta(minutes=5)


def accuse(observed: Observed) -> set[Seat]:
    """Accuse every failing stretch whose first failure lies within minutes of a full hour."""
    accused: set[Seat] = set()
    for rows in observed.series().values():
        stretch: list[Row] = []
        for row in (*rows, None):
            if row is not None and row.is_failed:
                stretch.append(row)
                continue
            if stretch and _is_on_the_hour(stretch[0]):
                accused |= {one.seat for one in stretch}
            stretch = []
    return accused


def _is_on_the_hour(row: Row) -> bool:
    past = timedelta(minutes=row.at.minute, seconds=row.at.second)
    return min(past, timedelta(hours=1) - past) <= NEAR
