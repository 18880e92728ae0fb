"""The scheduler: one cycle a slot, one at a time, and a row for every slot that was lost.

The clock is ours to move; the cycles are short coroutines that record when they
ran, because what is tested here is when a cycle runs, not what it measures.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from probe.apart import WithoutConsentError
from probe.clock import SystemClock
from probe.errors import UserError
from probe.schedule.model import Schedule, VantageSpec
from probe.scheduler import Scheduler, SlotTrigger
from probe.store import models
from probe.store.database import Database
from probe.store.writing import WriteFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CADENCE_S = 0.3
START = datetime(2011, 12, 16, 6, 0, tzinfo=UTC)


class MovableClock(SystemClock):
    """Starts at START, runs at the true pace, and steps when told to."""

    def __init__(self) -> None:
        self._started = super().monotonic()
        self.offset = timedelta()
        self.slept_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=super().monotonic() - self._started) + self.offset

    def suspended(self) -> float:
        return self.slept_s


@dataclass
class Cycles:
    """Stands in for the cycle: notes slots, and takes as long as it is told."""

    takes_s: float = 0.0
    slots: list[datetime] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    fails_at: set[int] = field(default_factory=set)

    async def __call__(self, *_: Any, slot_at: datetime, **__: Any) -> str:
        self.slots.append(slot_at)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(self.takes_s)
            if len(self.slots) in self.fails_at:
                raise WriteFailedError("the disk is full", is_disk_full=True)
        finally:
            self.running -= 1
        return "c"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as opened:
        yield opened


def scheduler_of(database: Database, clock: MovableClock, cycles: Cycles) -> Scheduler:
    schedule = Schedule(
        name="test",
        sha256="",
        vantage=VantageSpec(name="v", country="KZ"),
        resolvers=(),
        targets=(),
        cadence_s=CADENCE_S,
        jitter_s=0.0,
    )
    return Scheduler(
        schedule=schedule,
        database=database,
        clock=clock,
        say=lambda _: None,
        measure=cycles,
        watch_period_s=0.05,
    )


async def run_for(scheduler: Scheduler, *waits_s: float, between: Any = lambda: None) -> None:
    task = asyncio.create_task(scheduler.run())
    for number, wait_s in enumerate(waits_s):
        if number:
            between()
        await asyncio.sleep(wait_s)
    scheduler.stop()
    await asyncio.wait_for(task, 5)


def missed(database: Database) -> list[tuple[datetime, str]]:
    with database.session() as session:
        rows = session.scalars(select(models.MissedSlot).order_by(models.MissedSlot.slot_at))
        return [(row.slot_at, row.reason) for row in rows]


def test_every_slot_is_served_once_and_the_current_one_at_once(database: Database) -> None:
    cycles = Cycles()
    asyncio.run(run_for(scheduler_of(database, MovableClock(), cycles), 5.5 * CADENCE_S))
    expected = [START + timedelta(seconds=i * CADENCE_S) for i in range(len(cycles.slots))]
    assert cycles.slots == expected
    assert len(expected) >= 5
    assert missed(database) == []


def test_cycles_never_overlap_and_the_slots_they_ran_over_are_rows(database: Database) -> None:
    cycles = Cycles(takes_s=2.5 * CADENCE_S)
    asyncio.run(run_for(scheduler_of(database, MovableClock(), cycles), 8 * CADENCE_S))
    assert cycles.most_at_once == 1
    lost = missed(database)
    assert {reason for _, reason in lost} == {"overrun"}
    assert not {slot for slot, _ in lost} & set(cycles.slots)
    served = sorted({slot for slot, _ in lost} | set(cycles.slots))
    assert served == [START + timedelta(seconds=i * CADENCE_S) for i in range(len(served))]


@pytest.mark.parametrize(("slept_s", "reason"), [(0.0, "clock_stepped"), (40.0, "asleep")])
def test_slots_that_the_clock_leapt_over_are_rows_with_their_reason(
    database: Database, slept_s: float, reason: str
) -> None:
    clock, cycles = MovableClock(), Cycles()

    def leap() -> None:
        clock.offset += timedelta(seconds=40)
        clock.slept_s += slept_s

    asyncio.run(run_for(scheduler_of(database, clock, cycles), 1.5 * CADENCE_S, 2.5 * CADENCE_S, between=leap))
    lost = missed(database)
    assert len(lost) == pytest.approx(40 / CADENCE_S, abs=3)
    assert {why for _, why in lost} == {reason}
    served = sorted({slot for slot, _ in lost} | set(cycles.slots))
    assert served == [START + timedelta(seconds=i * CADENCE_S) for i in range(len(served))]


def test_measuring_goes_on_after_the_clock_stepped_back(database: Database) -> None:
    clock, cycles = MovableClock(), Cycles()

    def leap_back() -> None:
        clock.offset -= timedelta(hours=1)

    asyncio.run(run_for(scheduler_of(database, clock, cycles), 1.5 * CADENCE_S, 3.5 * CADENCE_S, between=leap_back))
    assert sum(slot < START for slot in cycles.slots) >= 2


def test_slots_while_the_probe_was_stopped_are_rows_at_the_next_start(database: Database) -> None:
    clock = MovableClock()
    asyncio.run(run_for(scheduler_of(database, clock, Cycles()), 0.1 * CADENCE_S))
    with database.session() as session:
        assert session.scalar(select(models.Vantage.vantage_id)) == "v"
    ended = models.MissedSlot(missed_slot_id="m0", slot_at=START, noticed_at=START, reason="stopped")
    database.append("v", [ended])
    clock.offset += timedelta(seconds=10 * CADENCE_S)
    asyncio.run(run_for(scheduler_of(database, clock, Cycles()), 0.1 * CADENCE_S))
    lost = missed(database)[1:]
    assert len(lost) >= 9
    assert {reason for _, reason in lost} == {"stopped"}


def test_slot_that_could_not_be_stored_is_a_row_once_there_is_room(database: Database) -> None:
    cycles = Cycles(fails_at={2})
    asyncio.run(run_for(scheduler_of(database, MovableClock(), cycles), 4.5 * CADENCE_S))
    assert missed(database) == [(cycles.slots[1], "disk_full")]
    assert len(cycles.slots) >= 4


def test_every_lost_slot_keeps_its_reason_until_the_storage_takes_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock leaps while the database is locked, so that the rows cannot be written when the leap is noticed."""
    clock, cycles = MovableClock(), Cycles()
    append, refusals = database.append, []

    def locked(vantage_id: str, rows: Any, *more: Any) -> None:
        if any(isinstance(row, models.MissedSlot) for row in rows) and len(refusals) < 2:
            refusals.append(len(rows))
            raise WriteFailedError("another program keeps it locked", is_disk_full=False)
        append(vantage_id, rows, *more)

    def leap() -> None:
        clock.offset += timedelta(seconds=40)
        monkeypatch.setattr(database, "append", locked)

    asyncio.run(run_for(scheduler_of(database, clock, cycles), 1.5 * CADENCE_S, 4.5 * CADENCE_S, between=leap))
    assert len(refusals) == 2
    lost = missed(database)
    assert {why for _, why in lost} == {"clock_stepped"}
    served = sorted([slot for slot, _ in lost] + cycles.slots)
    assert served == [START + timedelta(seconds=i * CADENCE_S) for i in range(len(served))]


def test_a_cycle_that_was_lost_is_said_and_the_next_one_is_run(database: Database) -> None:
    cycles, said = Cycles(), []

    async def lost(*, slot_at: datetime) -> str:
        await cycles(slot_at=slot_at)
        raise UserError("the process ended by signal 9")

    scheduler = scheduler_of(database, MovableClock(), cycles)
    scheduler.measure, scheduler.say = lost, said.append
    asyncio.run(run_for(scheduler, 2.5 * CADENCE_S))
    assert len(cycles.slots) >= 2
    assert len(said) >= 2
    assert all("no whole cycle: the process ended by signal 9" in line for line in said)


def test_consent_that_was_withdrawn_ends_the_run(database: Database) -> None:
    async def refused(*, slot_at: datetime) -> str:
        raise WithoutConsentError(f"nothing was sent at {slot_at}")

    scheduler = scheduler_of(database, MovableClock(), Cycles())
    scheduler.measure = refused
    asyncio.run(asyncio.wait_for(scheduler.run(), 5))


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_the_recorder_looks_by_the_new_time_once_the_clock_has_stepped(
    database: Database, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """It looks at the start, and next after half a minute; the clock steps to just before the next look."""
    monkeypatch.setattr("probe.scheduler.PERIOD_S", 30.0)
    clock, looks = MovableClock(), []

    class Looking:
        async def look(self) -> None:
            looks.append(clock.now())

    def step() -> None:
        clock.offset += timedelta(days=days, seconds=29.0)

    scheduler = scheduler_of(database, clock, Cycles())
    scheduler.schedule = replace(scheduler.schedule, cadence_s=3600.0)
    scheduler.recorder = Looking()  # type: ignore[assignment]  # all that the scheduler calls
    asyncio.run(run_for(scheduler, 0.3, 1.2, between=step))
    assert [look - START for look in looks] == [
        pytest.approx(timedelta(), abs=timedelta(seconds=0.3)),
        pytest.approx(timedelta(days=days, seconds=30.0), abs=timedelta(seconds=0.5)),
    ]


def test_stop_ends_a_running_cycle_at_once(database: Database) -> None:
    cycles = Cycles(takes_s=60.0)
    asyncio.run(run_for(scheduler_of(database, MovableClock(), cycles), 0.5 * CADENCE_S))
    assert cycles.running == 0


def test_jitter_stays_within_its_bound_and_varies() -> None:
    clock = MovableClock()
    trigger = SlotTrigger(clock, 900.0, 120.0)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    waits = [(trigger.get_next_fire_time(None, now) - now).total_seconds() for _ in range(200)]
    assert all(899.0 < wait < 900.0 + 120.0 for wait in waits)
    assert len(set(waits)) > 20
