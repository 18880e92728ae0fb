"""The process that measures from one vantage: becomes the host, then runs a cycle for each slot it is told of.

The probe that runs here is the one that runs in the field, unchanged: its real
sockets, its real clock. Only its wall clock is set to the slot's time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab.control import ignore_interrupts, obey
from probe.clock import OffsetClock
from probe.cycle import run_cycle
from probe.net import SystemNet
from probe.store.database import Database

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from lab.inside import Inside
    from probe.schedule.model import Schedule


@dataclass(frozen=True, slots=True)
class Slot:
    """When to measure, and how wrong the host's own clock is: by how much it is ahead."""

    at: datetime
    clock_error: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Step:
    """How far a cycle has come."""

    done: int
    total: int
    target: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A cycle that has ended."""

    cycle_id: str


def clock_at(moment: datetime) -> OffsetClock:
    """Give a clock that reads ``moment`` now, and runs at the true pace from there."""
    return OffsetClock(moment - datetime.now(UTC))


def measure(pipe: Connection[Any, Any], inside: Inside, schedule: Schedule, database_path: str) -> None:
    """Be the process. Ends with the director."""
    ignore_interrupts()
    inside.become()

    async def handle(slot: Slot) -> Finished:
        clock = clock_at(slot.at + slot.clock_error)
        with Database.open(database_path, create=True, clock=clock) as database, database.claim():
            cycle_id = await run_cycle(
                schedule,
                database,
                SystemNet(),
                clock,
                slot_at=slot.at,
                progress=lambda done, total, target: pipe.send(Step(done, total, target)),
            )
        return Finished(cycle_id)

    asyncio.run(obey(pipe, handle))
