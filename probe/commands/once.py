"""One cycle on a terminal: progress while it runs, then what answered."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from probe import consent
from probe.clock import SystemClock
from probe.cycle import run_cycle
from probe.errors import UserError
from probe.itself import secret
from probe.model import Peer, TargetKind
from probe.net import SystemNet
from probe.slots import slot_of
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from rich.console import Console

    from probe.schedule.model import Schedule
    from probe.store.database import Database

REFRESHES_PER_SECOND = 4


def measure_once(plan: Schedule, database: Database, console: Console) -> str:
    """Run one cycle with a progress bar; give its identifier. The caller has the consent."""
    clock = SystemClock()
    columns = (
        TextColumn("Measuring"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=console, refresh_per_second=REFRESHES_PER_SECOND) as bar:
        task = bar.add_task("cycle", total=None, last="")

        def progress(done: int, total: int, last: str) -> None:
            bar.update(task, completed=done, total=total, last=last)

        slot_at = slot_of(clock.now(), plan.cadence_s)
        hashed = secret.load_or_make(consent.default_state_dir())
        cycle = run_cycle(plan, database, SystemNet(), clock, slot_at=slot_at, progress=progress, hashed=hashed)
        return _until_stopped(cycle)


def _until_stopped(work: Coroutine[Any, Any, str]) -> str:
    """Run to the end, or to Ctrl-C or SIGTERM: then the work is cancelled, and closes what it has begun."""

    async def supervised() -> str:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # as above
                loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        raise UserError("stopped before the cycle's end; what was measured until then is stored") from None


def answers_table(database: Database, cycle_id: str) -> Table:
    """Show what answered in a cycle, and what the last step of each measurement said. No verdict."""
    table = Table(title="What answered", title_justify="left")
    for heading in ("service", "target", "last step", "answer", "seconds"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    with database.session() as session:
        measurements = session.scalars(
            select(models.Measurement)
            .where(models.Measurement.cycle_id == cycle_id, models.Measurement.round.in_(("first", "main")))
            .order_by(models.Measurement.kind, models.Measurement.service, models.Measurement.target)
        ).all()
        for measurement in measurements:
            steps = session.scalars(
                select(models.Observation)
                .where(
                    models.Observation.measurement_id == measurement.measurement_id,
                    models.Observation.pair_id.is_(None),
                )
                .order_by(models.Observation.chain_seq)
            ).all()
            last = steps[-1] if steps else models.Observation(operation="none", failure="probe failed")
            wrong = last.failure or last.certificate_failure
            answer = Text(wrong or (f"HTTP {last.status}" if last.status else "no page"))
            answer.stylize("yellow" if wrong or not last.status else "green")
            took_s = (measurement.ended_at - measurement.started_at).total_seconds()
            table.add_row(Text(measurement.service), Text(measurement.target), last.operation, answer, f"{took_s:.1f}")
    return table


def refuse_silent_helpers(plan: Schedule, database: Database, cycle_id: str) -> None:
    """Say in one sentence that no helper answered although something abroad did: its pairs can show nothing."""
    if not plan.helpers:
        return
    with database.session() as session:
        arms = session.execute(
            select(models.Observation.failure)
            .join(models.Pair, models.Pair.pair_id == models.Observation.pair_id)
            .join(models.Measurement, models.Measurement.measurement_id == models.Pair.measurement_id)
            .where(
                models.Measurement.cycle_id == cycle_id,
                models.Pair.peer == Peer.HELPER.value,
                models.Observation.operation.in_(("tls", "http")),
            )
        ).all()
        tried = session.scalar(
            select(models.Pair.pair_id)
            .join(models.Measurement, models.Measurement.measurement_id == models.Pair.measurement_id)
            .where(models.Measurement.cycle_id == cycle_id, models.Pair.peer == Peer.HELPER.value)
            .limit(1)
        )
        abroad = session.scalar(
            select(models.Observation.observation_id)
            .join(models.Measurement, models.Measurement.measurement_id == models.Observation.measurement_id)
            .where(
                models.Measurement.cycle_id == cycle_id,
                models.Measurement.kind == TargetKind.CONTROL_ABROAD.value,
                models.Observation.operation == "http",
                models.Observation.failure.is_(None),
            )
            .limit(1)
        )
    if tried and abroad and all(failure is not None for (failure,) in arms):
        names = ", ".join(helper.name for helper in plan.helpers)
        raise UserError(
            f"helper {names} did not answer although controls abroad did, so the name-swap pairs of this cycle show "
            "nothing; the cycle is stored; check the helper's addresses and key in the schedule, and that "
            "`nameblind helper` runs there"
        )
