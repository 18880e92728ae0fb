"""The true time axis that all pictures of a report share: places in per cent of its length, and its ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from analysis.report import bounds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from analysis.report.catalogue import Catalogue
    from analysis.report.grid import Slot

_WIDEST_MARK = 28  # marks of that share of the axis are as wide as high on a wide screen
_NARROWEST_MARK = 60  # below that share a letter no longer fits, and slots are drawn in columns
_MOST_TICKS = 8
_EDGE_PERCENT = 4.0
_BARE_START_PERCENT = 20.0  # a longer stretch before the first round time gets a label of its own
_DAY = timedelta(days=1)
_YEAR = timedelta(days=300)
_STEPS = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(timedelta(days=days) for days in (1, 2, 5, 7, 14, 30, 91, 182, 365, 730, 3650)),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of the axis. ``local`` is empty where the place has no one clock."""

    percent: float
    utc: str
    local: str
    anchor: str
    """``start``, ``middle`` or ``end`` of the text stands at the mark."""
    is_minor: bool
    """May be left out where there is little room."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The time from the first slot to the end of the last one's mark."""

    first: datetime
    last: datetime
    """Slots."""
    start: datetime
    end: datetime
    """Of what is drawn."""
    mark: timedelta
    """Length of one mark, or of one column."""
    is_binned: bool
    """Slots lie too close to be drawn one by one."""

    def percent(self, at: datetime) -> float:
        """Give the place of an instant."""
        return 100 * (at - self.start) / (self.end - self.start)

    def column(self, at: datetime) -> int:
        """Give the column of an instant, from 0."""
        return min(int((at - self.start) / self.mark), bounds.TIMELINE_COLUMNS - 1)

    def ticks(self, zone: ZoneInfo | None, words: Catalogue) -> tuple[Tick, ...]:
        """Give marks at round times in UTC, each with the time of ``zone`` at that instant."""
        span = self.end - self.start
        step = next((step for step in _STEPS if span / step <= _MOST_TICKS), _STEPS[-1])
        first = _EPOCH + -((_EPOCH - self.start) // step) * step
        ticks: list[Tick] = []
        at = first if self.percent(first) < _BARE_START_PERCENT else self.start
        while at <= self.end:
            percent = self.percent(at)
            is_first = not ticks
            local = ""
            if zone is not None:
                local = _tick_text(at.astimezone(zone), step, span, words, is_first=is_first)
            ticks.append(
                Tick(
                    percent=percent,
                    utc=_tick_text(at, step, span, words, is_first=is_first),
                    local=local,
                    anchor="start" if percent < _EDGE_PERCENT else "end" if percent > 100 - _EDGE_PERCENT else "middle",
                    is_minor=len(ticks) % 2 == 1,
                )
            )
            at = at + step if at >= first else first
        return tuple(ticks)


def lay_out(slots: Mapping[str, tuple[Slot, ...]]) -> Axis | None:
    """Choose the axis for all rounds; ``None`` where there is none."""
    times = [slot.at for of_vantage in slots.values() for slot in of_vantage]
    if not times:
        return None
    first, last = min(times), max(times)
    span = last - first
    gaps = [late.at - early.at for of_vantage in slots.values() for early, late in pairwise(of_vantage)]
    if not span or not gaps:
        margin = max(span, timedelta(minutes=30))
        return Axis(first, last, first - margin / 2, last + margin, margin / _WIDEST_MARK, is_binned=False)
    mark = min(*gaps, span / _WIDEST_MARK)
    if mark * _NARROWEST_MARK >= span:
        return Axis(first, last, first, last + mark, mark, is_binned=False)
    column = span / (bounds.TIMELINE_COLUMNS - 1)
    return Axis(first, last, first, first + column * bounds.TIMELINE_COLUMNS, column, is_binned=True)


def _tick_text(at: datetime, step: timedelta, span: timedelta, words: Catalogue, *, is_first: bool) -> str:
    is_midnight = not at.hour and not at.minute
    if span > _YEAR:
        return f"{words.day(at)} {at.year}"
    if is_midnight:
        return words.day(at)
    if step >= _DAY or is_first:
        return f"{words.day(at)} {at:%H:%M}"
    return f"{at:%H:%M}"
