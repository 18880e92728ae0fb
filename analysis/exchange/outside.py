"""Series that others measured: how much of a country, a region or a network was seen from outside, and how it fell.

A gap is no zero. An observatory that was ill, a file that ends early and a value
that is NaN all say nothing; a zero says that nothing was seen. The two are kept
apart from the file to the store, and a fall is unknowable where gaps hide it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    Points = tuple[tuple[datetime, float | None], ...]

MOST_GAPS: Final = 0.5
"""Share of steps without a value, before or during, above which a fall is unknowable."""
FEWEST_BEFORE: Final = 6
"""Values before that make a level; an observatory's single value may be an accident."""
LEAST_BEFORE: Final = timedelta(hours=6)
"""What is looked at before, at least: a short event would be held against a few minutes."""
MOST_POINTS: Final = 1_000_000
"""Of one series: twenty years in steps of ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values in equal steps, in order of time; ``None`` for a gap."""

    source: str
    kind: str
    scope_kind: str
    """``country``, ``region``, ``asn`` or ``target``."""
    scope: str
    step_s: int
    points: Points
    file_sha256: str

    @property
    def series_id(self) -> str:
        """Name the series: what it is of, and from which file."""
        parts = (self.source, self.kind, self.scope_kind, self.scope, f"{self.step_s}", self.file_sha256)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """How a series stood before a time, and within it."""

    before: float
    """Median of the values before."""
    during: float
    share_left: float
    """``during`` over ``before``: 1 where nothing fell."""
    gaps_before: float
    """Share of steps without a value."""
    gaps_during: float


def fall(series: Series, start: datetime, end: datetime) -> Fall | None:
    """Compare the median within [start, end) with that of as long a time before, of six hours at least.

    ``None`` where that is unknowable: too few values, too many gaps on either
    side (steps that the file does not reach count as gaps), or nothing before
    that could fall. It says how much, and neither why nor whether by chance.
    """
    if end <= start:
        return None
    before = _window(series, start - max(end - start, LEAST_BEFORE), start)
    during = _window(series, start, end)
    if before is None or during is None or len(before.values) < FEWEST_BEFORE:
        return None
    if max(before.gaps, during.gaps) > MOST_GAPS:
        return None
    level = median(before.values)
    if level <= 0:
        return None
    now = median(during.values)
    return Fall(before=level, during=now, share_left=now / level, gaps_before=before.gaps, gaps_during=during.gaps)


def regular(points: Iterable[tuple[datetime, float | None]], step_s: int) -> Points:
    """Put points on their steps, from the first to the last: a step without a point is a gap.

    Of several points of one step the last one with a value counts. ``ValueError`` for more than can be held.
    """
    given = sorted(points, key=lambda point: point[0])
    if not given:
        return ()
    first = given[0][0]
    step = timedelta(seconds=step_s)
    count = int((given[-1][0] - first) / step) + 1
    if count > MOST_POINTS:
        raise ValueError(f"more than {MOST_POINTS} steps")
    values: list[float | None] = [None] * count
    for at, value in given:
        if value is not None and math.isfinite(value):
            values[int((at - first) / step)] = value
    return tuple((first + index * step, value) for index, value in enumerate(values))


@dataclass(frozen=True, slots=True)
class _Window:
    values: list[float]
    gaps: float


def _window(series: Series, start: datetime, end: datetime) -> _Window | None:
    values = [value for at, value in series.points if start <= at < end and value is not None]
    expected = (end - start).total_seconds() / series.step_s
    if not values or expected < 1:
        return None
    return _Window(values, max(0.0, 1 - len(values) / math.floor(expected)))
