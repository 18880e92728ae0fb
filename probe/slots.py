"""When a cycle is due, and which slots were lost: computed by us, never left to a scheduling library.

A slot is a multiple of the schedule's cadence since 1970-01-01 UTC, so that all
vantages on one cadence have the same slots, and a grid can be dense.

Pure functions of times; nothing here waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.clock import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STEP_TOLERANCE_S = 5.0
"""A wall clock that drifts or is slewed by its time daemon stays within this, from one look to the next."""

MOST_MISSED_ROWS = 10_000
"""Rows written for one gap: a hundred days of 15 minutes. A clock that jumped by years must not fill the disk."""


class Missed(StrEnum):
    """Why a slot was not measured."""

    STOPPED = "stopped"  # the probe did not run
    ASLEEP = "asleep"  # the machine slept, or the probe was frozen
    OVERRUN = "overrun"  # the cycle before took longer than the cadence
    CLOCK_STEPPED = "clock_stepped"  # the wall clock leapt over it
    DISK_FULL = "disk_full"  # it could not be stored


@dataclass(frozen=True, slots=True)
class Look:
    """Both clocks, read together."""

    wall: datetime
    mono_s: float
    suspended_s: float

    @classmethod
    def at(cls, clock: Clock) -> Look:
        """Read a clock."""
        return cls(clock.now(), clock.monotonic(), clock.suspended())


def slot_of(moment: datetime, cadence_s: float) -> datetime:
    """Give the slot that ``moment`` lies in."""
    count = (moment - EPOCH) // timedelta(seconds=cadence_s)
    return EPOCH + count * timedelta(seconds=cadence_s)


def next_slot(moment: datetime, cadence_s: float) -> datetime:
    """Give the first slot that begins after ``moment``."""
    return slot_of(moment, cadence_s) + timedelta(seconds=cadence_s)


def missed_slots(last: datetime | None, current: datetime, cadence_s: float) -> list[datetime]:
    """List the slots strictly between the last one accounted for and the current one, oldest first.

    None where nothing was accounted for before, or where the clock went back. At
    most :data:`MOST_MISSED_ROWS`, the newest.
    """
    if last is None:
        return []
    step = timedelta(seconds=cadence_s)
    first = slot_of(last, cadence_s) + step
    count = max(0, (current - first) // step)
    return [current - i * step for i in range(min(count, MOST_MISSED_ROWS), 0, -1)]


def step_between_s(before: Look, after: Look) -> float:
    """Give how far the wall clock stepped between two looks, a suspension left out; 0 where it only drifted."""
    leap_s = (after.wall - before.wall).total_seconds() - (after.mono_s - before.mono_s)
    step_s = leap_s - (after.suspended_s - before.suspended_s)
    return step_s if abs(step_s) > STEP_TOLERANCE_S else 0.0


def step_between(before: Look, after: Look) -> Missed | None:
    """Tell what made the wall clock leave the monotonic one between two looks; ``None`` where nothing did.

    A machine that wakes up shows a leap too, but its boot-time clock knows of the suspension.
    """
    leap_s = (after.wall - before.wall).total_seconds() - (after.mono_s - before.mono_s)
    if abs(leap_s) <= STEP_TOLERANCE_S:
        return None
    is_suspension = after.suspended_s - before.suspended_s > leap_s / 2 > 0
    return Missed.ASLEEP if is_suspension else Missed.CLOCK_STEPPED
