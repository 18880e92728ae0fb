"""Does what arrives collapse? The measurements of a country in one slot, against what its vantages usually bring.

A fall to a tenth is a finding within one slot, and no more than that: its cause
stays open until vantages are heard again. A vantage that says why it did not
measure is not counted on; one that was silent for most of the day before is not
either.

How to read a :class:`Collapse`: it says that there is something to explain, in
``country``, from ``onset`` on. Where ``is_ours_excluded`` is false, no sentinel
shows that our collector worked, and the event is ``insufficient``; else it is
``dark-undetermined`` at most, and whatever the vantages bring later takes its place.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from analysis.grid.spells import overdue_at
from analysis.heartbeat import FEWEST_VANTAGES, minute_of
from analysis.times import iso

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.grid import Grid, Line, Round

COLLAPSED = 0.1
"""Share of what is usual at which, or below which, the volume has collapsed."""

RECOVERED = 0.5
"""Share from which on it has not any more."""

REMEMBERED = timedelta(days=1)
"""A vantage is counted on where it was heard in most of its slots so long before; a whole day has every hour once."""

FEWEST_ROUNDS = 4
"""Rounds that a vantage must have been asked for before it is counted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """A country's volume that fell to a tenth or less."""

    country: str
    onset: tuple[datetime, datetime]
    """The last slot with a usual volume, and the first without."""
    end: tuple[datetime, datetime] | None
    """The last slot without a usual volume, and the first with one; ``None`` while it lasts."""
    vantages: tuple[str, ...]
    """Those that were counted on, and were silent in the first slot."""
    expected: float
    """Measurements that the first slot would usually have brought."""
    arrived: int
    is_ours_excluded: bool
    """Whether a sentinel, or a vantage of another country, was heard in the first slot."""
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Give it as ``analyze --json`` prints it."""
        return {
            "country": self.country,
            "onset": [iso(moment) for moment in self.onset],
            "end": [iso(moment) for moment in self.end] if self.end else None,
            "vantages": list(self.vantages),
            "expected": self.expected,
            "arrived": self.arrived,
            "is_ours_excluded": self.is_ours_excluded,
            "text": self.text,
        }


@dataclass(slots=True)
class _Member:
    """A vantage, as one slot after another is looked at."""

    line: Line
    usual: float
    overdue: datetime
    recent: deque[Round] = field(default_factory=deque)

    @property
    def is_counted_on(self) -> bool:
        heard = sum(one.is_heard for one in self.recent)
        return len(self.recent) >= FEWEST_ROUNDS and 2 * heard > len(self.recent)

    def remember(self, one: Round) -> None:
        self.recent.append(one)
        while self.recent[0].slot_at < one.slot_at - REMEMBERED:
            self.recent.popleft()


def collapses(grid: Grid) -> tuple[Collapse, ...]:
    """Give every collapse of a country's volume, in order of onset."""
    if grid.end is None:
        return ()
    members: dict[str, list[_Member]] = defaultdict(list)
    for line in grid.lines.values():
        volumes = [len(one.ran.found) for one in line.rounds if one.ran is not None]
        if volumes and not line.vantage.is_sentinel:
            members[line.vantage.country].append(_Member(line, float(median(volumes)), overdue_at(line, grid.end)))
    found = [collapse for country in sorted(members) for collapse in _of_country(grid, country, members[country])]
    return tuple(sorted(found, key=lambda collapse: (collapse.onset[1], collapse.country)))


def _of_country(grid: Grid, country: str, members: list[_Member]) -> list[Collapse]:
    slots: dict[datetime, list[tuple[_Member, Round]]] = defaultdict(list)
    for member in members:
        for one in member.line.rounds:
            if one.is_heard or one.slot_at <= member.overdue:
                slots[minute_of(one.slot_at)].append((member, one))
    found: list[Collapse] = []
    last_usual: datetime | None = None
    lasting: Collapse | None = None
    silent_until: datetime | None = None
    for at in sorted(slots):
        due = [(member, one) for member, one in slots[at] if not one.missed and member.is_counted_on]
        expected = sum(member.usual for member, _ in due)
        arrived = sum(len(one.ran.found) for _, one in slots[at] if one.ran is not None)
        if lasting is None and len(due) >= FEWEST_VANTAGES and arrived <= COLLAPSED * expected and last_usual:
            silent = tuple(member.line.vantage.vantage_id for member, one in due if not one.is_heard)
            lasting = _collapse(grid, country, (last_usual, at), silent, expected, arrived)
        elif lasting is not None and expected and arrived >= RECOVERED * expected:
            found.append(replace(lasting, end=(silent_until or lasting.onset[1], at)))
            lasting = None
        if lasting is None:
            last_usual = at
            for member, one in slots[at]:
                member.remember(one)  # while it lasts, who was counted on stays so
        else:
            silent_until = at
    return [*found, lasting] if lasting is not None else found


def _collapse(
    grid: Grid,
    country: str,
    onset: tuple[datetime, datetime],
    silent: tuple[str, ...],
    expected: float,
    arrived: int,
) -> Collapse:
    is_excluded = _is_heard_elsewhere(grid, country, onset[1])
    own = "" if is_excluded else " Nobody outside was heard either: it may be our own collector."
    return Collapse(
        country=country,
        onset=onset,
        end=None,
        vantages=silent,
        expected=expected,
        arrived=arrived,
        is_ours_excluded=is_excluded,
        text=f"{arrived} measurements of vantages in {country} instead of about {expected:.0f}; "
        f"{len(silent)} vantages that were counted on fell silent. Why is open.{own}",
    )


def _is_heard_elsewhere(grid: Grid, country: str, at: datetime) -> bool:
    return any(
        one.is_heard and minute_of(one.slot_at) == at
        for line in grid.lines.values()
        if line.vantage.is_sentinel or line.vantage.country != country
        for one in line.rounds
    )
