"""The one clock seam: nothing else in the project reads the time.

Two clocks stand on every fact. The *wall* clock says when something happened;
it can be wrong, and it can step. The *monotonic* clock says how long it took;
it never steps, and it means nothing outside one process.

The lab gives each of its hosts a wall clock that is offset from the machine's
(:class:`OffsetClock`): it runs at the true pace while packets are in flight,
so that a time-out of three seconds is three seconds, and leaps over the idle
time between two slots, so that five days pass in minutes.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    source: str
    """Kept with every cycle: ``system``, or ``lab`` for a time that was made up."""

    def now(self) -> datetime:
        """Give the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that never steps; only differences mean anything."""
        ...

    def suspended(self) -> float:
        """Give the seconds that the machine has been suspended since it booted; 0.0 where it does not tell."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of the monotonic clock."""
        ...


class SystemClock:
    """The machine's own clocks."""

    source = "system"

    def now(self) -> datetime:
        """Give the machine's wall-clock time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give the machine's monotonic clock, in seconds."""
        return time.monotonic()

    def suspended(self) -> float:
        """Give the time in suspension: Linux's boot-time clock counts it, its monotonic clock does not."""
        boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
        return 0.0 if boot_clock is None else time.clock_gettime(boot_clock) - time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        await asyncio.sleep(seconds)


class OffsetClock(SystemClock):
    """The lab's wall clock, which is ``offset`` ahead of the machine's (behind, if negative)."""

    source = "lab"

    def __init__(self, offset: timedelta) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """Give the machine's wall-clock time plus the offset, in UTC."""
        return super().now() + self._offset
