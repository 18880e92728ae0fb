"""A picture of many days in little room: one row a subject, one column a day, each divided by what was seen in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from analysis.report.appearance import LOOK, LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIDTH, HEIGHT = 900, 22
"""Of one row, in units of its view box."""

GAPS: Final = frozenset({"missed", "not-yet-heard"})
"""What is no state is drawn as nothing: the track shows through."""

_ORDER: Final = {look.state: place for place, look in enumerate(LOOKS)}
_WORST_TO_NAME: Final = 0.02
"""A state with a smaller share of a day's cells is drawn, and not named first."""


@dataclass(frozen=True, slots=True)
class Block:
    """One state's part of one day."""

    state: str
    x: float
    y: float
    width: float
    height: float
    has_pattern: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One subject over all days."""

    name: str
    blocks: tuple[Block, ...]
    counts: Mapping[str, int]
    """Cells by state, over all days."""
    worst: str
    """The gravest state of the last day that has any; empty where nothing was measured."""

    @property
    def said(self) -> str:
        """Say the row in words, for who does not see it."""
        measured = ", ".join(f"{state} {count}" for state, count in self.counts.items())
        return f"{self.name}: {measured}" if measured else f"{self.name}: nothing measured"


def days_of(span: tuple[str, str]) -> list[str]:
    """Give every day from the first to the last."""
    first, last = (date.fromisoformat(day) for day in span)
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def rows_of(counts: Iterable[tuple[str, str, str, int]], span: tuple[str, str]) -> list[Row]:
    """Draw rows from counts of cells by subject, day and state."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for name, day, state, cells in counts:
        found.setdefault(name, {}).setdefault(day, {})[state] = cells
    days = days_of(span)
    return [_row(name, found[name], days) for name in sorted(found)]


def gravest(counts: Mapping[str, int]) -> str:
    """Name the gravest state that has more than a trace of these cells; empty where nothing was measured."""
    measured = {state: cells for state, cells in counts.items() if state not in GAPS}
    floor = _WORST_TO_NAME * sum(measured.values())
    return min((state for state, cells in measured.items() if cells >= floor), key=_place, default="")


def _place(state: str) -> int:
    return _ORDER.get(state, len(_ORDER))


def _row(name: str, of_day: Mapping[str, Mapping[str, int]], days: list[str]) -> Row:
    width = WIDTH / len(days)
    blocks: list[Block] = []
    totals: dict[str, int] = {}
    worst = ""
    for number, day in enumerate(days):
        counts = of_day.get(day, {})
        everything, y = sum(counts.values()), 0.0
        for state in sorted(counts, key=_place):
            totals[state] = totals.get(state, 0) + counts[state]
            height = HEIGHT * counts[state] / everything
            if state not in GAPS:
                look = LOOK.get(state)
                blocks.append(
                    Block(
                        state,
                        round(number * width, 2),
                        round(y, 2),
                        round(max(width - 0.6, width * 0.85), 2),
                        round(height, 2),
                        has_pattern=bool(look and look.pattern),
                    )
                )
            y += height
        worst = gravest(counts) or worst
    return Row(name, tuple(blocks), {state: totals[state] for state in sorted(totals, key=_place)}, worst)
