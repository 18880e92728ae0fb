"""``nameblind run``: measure on schedule, or once.

On schedule, a probe waits for most of its life, and must be small while it does
(:mod:`probe.waiting`, :mod:`probe.apart`); so what only one cycle on a terminal
needs is imported there.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from probe import consent
from probe.commands.options import DEFAULT_DATABASE, DEFAULT_SCHEDULE, Db, ScheduleFile

if TYPE_CHECKING:
    from pathlib import Path

    from probe.schedule.model import Schedule


def run(
    schedule: ScheduleFile = DEFAULT_SCHEDULE,
    db: Db = DEFAULT_DATABASE,
    *,
    once: Annotated[bool, typer.Option("--once", help="One cycle now, with a progress bar and a table.")] = False,
    packets: Annotated[
        bool,
        typer.Option(
            "--packets",
            help="Keep heads of packets of failing handshakes, without your address (as root or with CAP_NET_RAW).",
        ),
    ] = False,
) -> None:
    """Measure what the schedule names, and store every step.

    Nothing is sent before you have consented: run `nameblind consent` first, or
    answer its questions here. `nameblind plan` shows what would be contacted.

    Without --once it goes on until Ctrl-C: one cycle in every slot of the
    schedule, and a row for every slot that it missed; each minute a look at this
    machine's own link. What it stores are facts; `nameblind analyze` says what
    they show.

    Example: nameblind run --once --schedule schedules/zhanaozen.yaml
    """
    if packets:
        from probe.packets import capturing  # here, because hardly anybody asks for it

        capturing.require()
    if once:
        _run_once(schedule, db, may_keep_packets=packets)
    else:
        _run_on_schedule(schedule, db, may_keep_packets=packets)


def _run_once(schedule: Path, db: str, *, may_keep_packets: bool) -> None:
    from rich.console import Console

    from probe.commands.once import answers_table, measure_once, refuse_silent_helpers
    from probe.schedule.loader import load
    from probe.store.database import Database

    plan = replace(load(schedule), may_keep_packets=may_keep_packets)
    console = Console()
    consent.require(consent.default_state_dir(), ask=consent.terminal())
    with Database.open(db, create=True) as database, database.claim():
        cycle_id = measure_once(plan, database, console)
        console.print(answers_table(database, cycle_id))
        console.print(f"Stored in {db}. What it shows: nameblind analyze --db {db}", highlight=False, soft_wrap=True)
        refuse_silent_helpers(plan, database, cycle_id)


def _run_on_schedule(schedule: Path, db: str, *, may_keep_packets: bool) -> None:
    from probe import apart
    from probe.waiting import Waiting, become

    loaded: Schedule = asyncio.run(apart.ask(apart.Load(str(schedule))))
    plan = replace(loaded, may_keep_packets=may_keep_packets)
    state_dir = consent.default_state_dir()
    consent.require(state_dir, ask=consent.terminal())
    vantage_id: str = asyncio.run(apart.ask(apart.Enter(plan, db)))
    become(Waiting(plan, db, vantage_id, str(state_dir)))
