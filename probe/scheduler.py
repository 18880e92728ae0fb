"""Cycles on a schedule, under APScheduler: one at a time, with jitter, and no slot lost in silence.

APScheduler waits until a wall-clock time. When that clock steps, it sleeps on,
or drops what was due, and says nothing. So the slots are ours
(:mod:`probe.slots`): its trigger asks us for the next one, a watch compares the
wall clock with the monotonic one and re-plans after a step, and every slot that
passed without a cycle becomes a row with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import func, select

from probe.apart import WithoutConsentError
from probe.clock import SystemClock
from probe.errors import UserError
from probe.recorder import PERIOD_S
from probe.slots import MOST_MISSED_ROWS, Look, Missed, missed_slots, next_slot, slot_of, step_between
from probe.store import models
from probe.store.writing import WriteFailedError
from probe.vantage import enter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from probe.clock import Clock
    from probe.recorder import FlightRecorder
    from probe.schedule.model import Schedule
    from probe.store.database import Database

WATCH_PERIOD_S = 15.0
"""How often the clocks are compared: a step is noticed within this, and a shortest cadence is a minute."""


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no type hints
    """Asks for the next slot, plus a jitter drawn anew for each."""

    def __init__(self, clock: Clock, cadence_s: float, jitter_s: float) -> None:
        self._clock = clock
        self._cadence_s = cadence_s
        self._jitter_s = jitter_s

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Give the time of the next cycle; APScheduler's own signature.

        Slots are of our clock, ``now`` is of APScheduler's: only the wait between is carried over.
        """
        del previous_fire_time  # a slot follows from the time, not from when the last one was served
        here = self._clock.now()
        jitter_s = secrets.randbelow(1000) / 1000 * self._jitter_s
        return now + (next_slot(here, self._cadence_s) - here) + timedelta(seconds=jitter_s)


@dataclass(slots=True)
class Scheduler:
    """Runs cycles, and the flight recorder beside them, until it is stopped."""

    schedule: Schedule
    database: Database
    clock: Clock
    say: Callable[[str], None]
    measure: Callable[..., Coroutine[Any, Any, str]]
    """Runs the cycle of the slot ``slot_at``, and gives its identifier."""
    recorder: FlightRecorder | None = None
    watch_period_s: float = WATCH_PERIOD_S
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _running: asyncio.Task[Any] | None = None
    _last_slot: datetime | None = None
    _last_ended_at: datetime | None = None
    _is_fresh: bool = True
    _step: Missed | None = None
    _unstored: list[tuple[datetime, Missed]] = field(default_factory=list)
    """Lost slots whose rows wait for a storage that takes them."""

    async def run(self) -> None:
        """Run until :meth:`stop`. The current slot is measured at once, unless it already was."""
        vantage_id = enter(self.schedule.vantage, self.database)
        self._last_slot = self._last_stored_slot(vantage_id)
        trigger = SlotTrigger(self.clock, self.schedule.cadence_s, self.schedule.jitter_s)
        scheduler = AsyncIOScheduler(timezone=UTC)
        job = scheduler.add_job(
            self._cycle,
            trigger,
            args=(vantage_id,),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,  # a late cycle is still a cycle; which slot it serves is ours to say
            next_run_time=SystemClock().now(),
        )
        jobs = [(job, trigger)]
        if self.recorder is not None:
            minute = SlotTrigger(self.clock, PERIOD_S, 0.0)
            looks = scheduler.add_job(
                self.recorder.look,
                minute,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=SystemClock().now(),
            )
            jobs.append((looks, minute))
        scheduler.start()
        watch = asyncio.create_task(self._watch_clocks(jobs))
        try:
            await self._stopping.wait()
        finally:
            watch.cancel()
            scheduler.shutdown(wait=False)
            if self._running is not None:
                self._running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running

    def stop(self) -> None:
        """End the run: the cycle in progress is closed as interrupted, with all that it measured."""
        self._stopping.set()

    async def _cycle(self, vantage_id: str) -> None:
        now = self.clock.now()
        slot = slot_of(now, self.schedule.cadence_s)
        if slot == self._last_slot:
            return
        self._record_missed(vantage_id, slot, now)
        self._last_slot = slot
        self._running = asyncio.create_task(self.measure(slot_at=slot))
        try:
            await self._running
        except asyncio.CancelledError:
            raise
        except WriteFailedError as error:
            # The disk is full, or the database locked. The probe goes on; the slot becomes a row when it can.
            if error.is_disk_full:
                self._unstored.append((slot, Missed.DISK_FULL))
            self.say(f"{now:%Y-%m-%d %H:%M} UTC  not stored: {error}")
        except WithoutConsentError as error:
            self.say(f"{now:%Y-%m-%d %H:%M} UTC  ended: {error}")
            self.stop()
        except UserError as error:
            self.say(f"{now:%Y-%m-%d %H:%M} UTC  no whole cycle: {error}")
        else:
            took_s = (self.clock.now() - now).total_seconds()
            self.say(f"{now:%Y-%m-%d %H:%M} UTC  cycle done in {took_s:.0f} s")
        finally:
            self._running = None
            self._last_ended_at = self.clock.now()

    def _record_missed(self, vantage_id: str, slot: datetime, now: datetime) -> None:
        lost = missed_slots(self._last_slot, slot, self.schedule.cadence_s)
        self._unstored += [(slot_at, self._reason(slot_at)) for slot_at in lost]
        del self._unstored[:-MOST_MISSED_ROWS]
        self._is_fresh = False
        self._step = None
        if not self._unstored:
            return
        rows = [
            models.MissedSlot(
                missed_slot_id=f"{vantage_id}.{slot_at:%Y%m%dT%H%M%S}.{secrets.token_hex(4)}",
                slot_at=slot_at,
                noticed_at=now,
                reason=reason.value,
            )
            for slot_at, reason in self._unstored
        ]
        with contextlib.suppress(WriteFailedError):  # the storage takes nothing yet: all of them are told next time
            self.database.append(vantage_id, rows)
            self._unstored.clear()

    def _reason(self, slot_at: datetime) -> Missed:
        if self._is_fresh:
            return Missed.STOPPED
        if self._last_ended_at is not None and slot_at <= self._last_ended_at:
            return Missed.OVERRUN
        return self._step or Missed.ASLEEP

    async def _watch_clocks(self, jobs: list[tuple[Any, SlotTrigger]]) -> None:
        before = Look.at(self.clock)
        while True:
            await self.clock.sleep(self.watch_period_s)
            after = Look.at(self.clock)
            step = step_between(before, after)
            if step is not None:
                self._step = step
                for job, trigger in jobs:
                    job.modify(next_run_time=trigger.get_next_fire_time(None, SystemClock().now()))
            before = after

    def _last_stored_slot(self, vantage_id: str) -> datetime | None:
        with self.database.session() as session:
            cycle = session.scalar(select(func.max(models.Cycle.slot_at)).where(models.Cycle.vantage_id == vantage_id))
            missed = session.scalar(
                select(func.max(models.MissedSlot.slot_at)).where(models.MissedSlot.vantage_id == vantage_id)
            )
        return max((slot for slot in (cycle, missed) if slot is not None), default=None)
