"""When something holds: slots by number (``2``, ``2-3``, ``2-``), or a time ``START/END`` (either may be empty)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from probe.schedule.yaml_scalars import scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class During:
    """A stretch of a scenario, by slots and by time; what is ``None`` is open."""

    first: int = 1
    """Number of the first slot, counted from 1."""
    last: int | None = None
    """Number of the last one, included."""
    start: datetime | None = None
    end: datetime | None = None
    """Not included."""

    def holds(self, number: int, slot_at: datetime) -> bool:
        """Tell whether slot ``number``, which is at ``slot_at``, lies in it."""
        is_in_slots = self.first <= number and (self.last is None or number <= self.last)
        is_started = self.start is None or self.start <= slot_at
        return is_in_slots and is_started and (self.end is None or slot_at < self.end)


ALWAYS: Final = During()

_SLOTS: Final = re.compile(r"([1-9][0-9]{0,3})(-?)([1-9][0-9]{0,3})?", re.ASCII)


def instant(written: str) -> datetime:
    """Read a time with its zone, such as ``2011-12-16T08:00Z``, as UTC; ValueError if it is none."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError(written)
    return moment.astimezone(UTC)


def _during(written: str) -> During:
    if "/" in written:
        start, _, end = written.partition("/")
        return During(start=instant(start) if start else None, end=instant(end) if end else None)
    parts = _SLOTS.fullmatch(written)
    if parts is None or (parts[3] and not parts[2]):
        raise ValueError(written)
    first = int(parts[1])
    last = int(parts[3]) if parts[3] else None if parts[2] else first
    if last is not None and last < first:
        raise ValueError(written)
    return During(first=first, last=last)


INSTANT: Final = scalar(instant, "a time with its zone, such as 2011-12-16T08:00Z")
DURING: Final = scalar(_during, "slots such as 2, 2-3 or 2-, or a time such as 2011-12-16T08:00Z/2011-12-18T06:00Z")
