"""``nameblind run``: measure on schedule, or once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from probe import consent
from probe.clock import SystemClock
from probe.commands.options import DEFAULT_DATABASE, DEFAULT_SCHEDULE, Db, ScheduleFile
from probe.cycle import run_cycle
from probe.errors import UserError
from probe.model import Peer, TargetKind
from probe.net import SystemNet
from probe.schedule.loader import load
from probe.slots import slot_of
from probe.store import models
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from probe.schedule.model import Schedule

REFRESHES_PER_SECOND = 4


def run(
    schedule: ScheduleFile = DEFAULT_SCHEDULE,
    db: Db = DEFAULT_DATABASE,
    *,
    once: Annotated[bool, typer.Option("--once", help="One cycle now, with a progress bar and a table.")] = False,
) -> None:
    """Measure what the schedule names, and store every step.

    Nothing is sent before you have consented: run `nameblind consent` first, or
    answer its questions here. `nameblind plan` shows what would be contacted.

    Without --once it goes on until Ctrl-C: one cycle in every slot of the
    schedule, and a row for every slot that it missed. What it stores are facts;
    `nameblind analyze` says what they show.

    Example: nameblind run --once --schedule schedules/zhanaozen.yaml
    """
    plan = load(schedule)
    console = Console()
    consent.require(consent.default_state_dir(), ask=consent.terminal())
    database = Database.open(db, create=True)
    try:
        with database.claim():
            if once:
                cycle_id = measure_once(plan, database, console)
                console.print(answers_table(database, cycle_id))
                console.print(
                    f"Stored in {db}. What it shows: nameblind analyze --db {db}", highlight=False, soft_wrap=True
                )
                refuse_silent_helpers(plan, database, cycle_id)
            else:
                _run_on_schedule(plan, database, console)
    finally:
        database.close()


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
        return _until_stopped(run_cycle(plan, database, SystemNet(), clock, slot_at=slot_at, progress=progress))


def _run_on_schedule(plan: Schedule, database: Database, console: Console) -> None:
    from probe.scheduler import Scheduler  # here, because a single cycle needs no APScheduler

    async def work() -> None:
        scheduler = Scheduler(schedule=plan, database=database, net=SystemNet(), clock=SystemClock(), say=console.print)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C raises there
                loop.add_signal_handler(number, scheduler.stop)
        await scheduler.run()

    console.print(f"Measuring every {plan.cadence_s / 60:g} minutes; Ctrl-C ends it.")
    asyncio.run(work())
    console.print("Stopped; everything that was measured is stored.")


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
