"""When something holds: slots by number or a time from START to END, some hours of each day, some minutes in turn.

``during: 2-3`` and ``during: 2011-12-16T08:00Z/`` bound it; ``daily`` and ``duty``
interrupt it: the curfew's hours, the rule that opens for a while and closes again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from probe.schedule.yaml_reader import Record, UnfitError, optional, required
from probe.schedule.yaml_scalars import duration, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """On and off in turn, beginning with on."""

    open_s: float
    """How long it does not hold, in each turn."""
    every_s: float


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
    daily: tuple[time, time] | None = None
    """From and until which time of day; the second may lie past midnight."""
    duty: Duty | None = None
    within_s: tuple[float, float] | None = None
    """From and until how many real seconds into a slot."""

    def holds(self, number: int, slots: Sequence[datetime], seconds: float = 0.0) -> bool:
        """Tell whether ``seconds`` into slot ``number`` lie in it."""
        slot_at = slots[number - 1]
        is_in_slots = self.first <= number and (self.last is None or number <= self.last)
        is_started = self.start is None or self.start <= slot_at
        is_ended = self.end is not None and self.end <= slot_at
        return (
            is_in_slots
            and is_started
            and not is_ended
            and self._is_its_hour(slot_at)
            and self._is_its_turn(slot_at, slots)
            and (self.within_s is None or self.within_s[0] <= seconds < self.within_s[1])
        )

    def onset(self, slots: Sequence[datetime]) -> datetime:
        """Give the time at which it begins."""
        return self.start or slots[min(self.first, len(slots)) - 1]

    def ending(self, slots: Sequence[datetime]) -> datetime | None:
        """Give the time at which it ends: that of the first slot that is free of it; ``None`` if none is."""
        if self.end is not None:
            return self.end
        return slots[self.last] if self.last is not None and self.last < len(slots) else None

    def shifted(self, by: timedelta) -> During:
        """Give the same stretch, later."""

        def later(moment: datetime | None) -> datetime | None:
            return None if moment is None else moment + by

        def later_today(moment: time) -> time:
            return (datetime.combine(datetime(2000, 1, 2, tzinfo=UTC), moment) + by).timetz()

        daily = None if self.daily is None else (later_today(self.daily[0]), later_today(self.daily[1]))
        return replace(self, start=later(self.start), end=later(self.end), daily=daily)

    def _is_its_hour(self, slot_at: datetime) -> bool:
        if self.daily is None:
            return True
        begins, ends = (moment.hour * 3600 + moment.minute * 60 + moment.second for moment in self.daily)
        now = slot_at.hour * 3600 + slot_at.minute * 60 + slot_at.second
        return begins <= now < ends if begins < ends else now >= begins or now < ends

    def _is_its_turn(self, slot_at: datetime, slots: Sequence[datetime]) -> bool:
        if self.duty is None:
            return True
        phase_s = (slot_at - self.onset(slots)).total_seconds() % self.duty.every_s
        return phase_s < self.duty.every_s - self.duty.open_s


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
        bounds = During(start=instant(start) if start else None, end=instant(end) if end else None)
        if bounds.start is not None and bounds.end is not None and bounds.end <= bounds.start:
            raise ValueError(written)
        return bounds
    parts = _SLOTS.fullmatch(written)
    if parts is None or (parts[3] and not parts[2]):
        raise ValueError(written)
    first = int(parts[1])
    last = int(parts[3]) if parts[3] else None if parts[2] else first
    if last is not None and last < first:
        raise ValueError(written)
    return During(first=first, last=last)


def _daily(written: str) -> tuple[time, time]:
    begins, ends = (_time_of_day(part) for part in _two(written))
    if begins == ends:
        raise ValueError(written)
    return begins, ends


def _time_of_day(written: str) -> time:
    moment = time.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError(written)
    return datetime.combine(datetime(2000, 1, 2, tzinfo=UTC), moment).astimezone(UTC).timetz()


def _within(written: str) -> tuple[float, float]:
    begins, ends = (float(part.removesuffix("s")) for part in _two(written))
    if not 0 <= begins < ends <= MAX_WITHIN_S:
        raise ValueError(written)
    return begins, ends


def _two(written: str) -> tuple[str, str]:
    first, slash, second = written.partition("/")
    if not slash:
        raise ValueError(written)
    return first, second


def _duty(*, open_s: float, every_s: float) -> Duty:
    if open_s >= every_s:
        raise UnfitError("open", "less time than every turn has")
    return Duty(open_s=open_s, every_s=every_s)


MAX_WITHIN_S: Final = 120.0

INSTANT: Final = scalar(instant, "a time with its zone, such as 2011-12-16T08:00Z")
DURING: Final = scalar(_during, "slots such as 2, 2-3 or 2-, or a time such as 2011-12-16T08:00Z/2011-12-18T06:00Z")

WHEN_KEYS: Final[Mapping[str, Any]] = {
    "during": optional(DURING),
    "daily": optional(scalar(_daily, "two times of day with their zone, such as 22:00+05:00/06:00+05:00")),
    "duty": optional(
        Record(
            _duty,
            {
                "open": required(duration("1s", "7d"), into="open_s"),
                "every": required(duration("2s", "7d"), into="every_s"),
            },
        )
    ),
}
"""What every entry of a timeline and of a truth may say of its time."""

WITHIN_KEY: Final[Mapping[str, Any]] = {
    "within": optional(scalar(_within, "real seconds into each slot, such as 3s/10s"), into="within_s")
}


def when(
    *,
    during: During = ALWAYS,
    daily: tuple[time, time] | None = None,
    duty: Duty | None = None,
    within_s: tuple[float, float] | None = None,
) -> During:
    """Put together what the keys of :data:`WHEN_KEYS` say."""
    return replace(during, daily=daily, duty=duty, within_s=within_s)
