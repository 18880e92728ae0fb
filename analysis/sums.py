"""Tallies over time: what was counted in any interval, without looking through the pairs again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.pairs import NO_PAIRS, Tally

if TYPE_CHECKING:
    from datetime import datetime


class Sums:
    """Tallies in order of time, summed up, so that those of any interval are at hand."""

    def __init__(self) -> None:
        self._times: list[datetime] = []
        self._sums: list[Tally] = [NO_PAIRS]

    def add(self, at: datetime, more: Tally) -> None:
        """Add what was counted at a moment no earlier than the last one."""
        self._times.append(at)
        self._sums.append(self._sums[-1] + more)

    def between(self, start: datetime | None, end: datetime | None) -> Tally:
        """Sum up [start, end]; ``None`` is without bound."""
        first = 0 if start is None else bisect_left(self._times, start)
        last = len(self._times) if end is None else bisect_right(self._times, end)
        return self._sums[last] - self._sums[first]


class Negatives:
    """The negative controls of every vantage, in order of time."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, Sums]] = defaultdict(lambda: defaultdict(Sums))

    def add(self, vantage_id: str, kind: str, at: datetime, more: Tally) -> None:
        """Add pairs of one kind of name; those of one vantage come in order of time."""
        self._sums[vantage_id][kind].add(at, more)

    def log10_e(self, vantage_id: str, start: datetime | None = None, end: datetime | None = None) -> float:
        """Give the highest e-value of a vantage in [start, end]: of all kinds of names together, and of each.

        A fault of one kind, or of one day, is not to drown in a year of calm. The highest of several is no e-value;
        a guard that speaks up a little too often accuses nobody.
        """
        kinds = self._sums.get(vantage_id, {})
        parts = [sums.between(start, end) for sums in kinds.values()]
        return max((part.log10_e for part in (sum(parts, NO_PAIRS), *parts)), default=0.0)
