"""``nameblind start``: a newcomer's first minute, from consent to a report that one can open.

The one piece of orchestration that stands above the packages. It measures the
real targets only with consent given on this terminal, and only where there is a
way out; everywhere else it says in one sentence why not, and does the same job
in the lab, into a database of its own: lab results never mix with real ones.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from sqlalchemy import select

import lab  # noqa: F401 - before the analysis: it keeps numpy from starting threads
from analysis.analyse import analyse
from analysis.commands import states_table
from analysis.report.write import write_report
from lab import scenario_file
from lab.commands import run_with_progress
from lab.running import require_lab
from probe import consent
from probe.commands.once import measure_once
from probe.errors import UserError
from probe.itself.routes import has_default_route
from probe.schedule.loader import load
from probe.store import models
from probe.store.database import Database
from probe.techniques import ladder_of
from probe.techniques.locus import LOCUS

if TYPE_CHECKING:
    from lab.scenario import Scenario

SCHEDULE = Path("schedules/zhanaozen.yaml")
DATABASE = Path("results.db")
LAB_SCENARIO = "zhanaozen-short"
LAB_DATABASE = Path("results-lab.db")
REPORTS = Path("reports")


def start() -> None:
    """Measure once, judge, and write a report: the whole job in a few minutes.

    On a terminal it explains the risk of measuring and asks for consent; then it
    measures the real targets of schedules/zhanaozen.yaml once, into results.db.

    Otherwise it rebuilds a short Zhanaozen in the lab, with real packets that never
    leave this machine, into results-lab.db.
    """
    console = Console()
    reason = _measure_for_real(console)
    if reason is None:
        _conclude(DATABASE, console)
        return
    console.print(
        f"{reason} So this runs in the lab: real packets, and none leaves this machine.",
        highlight=False,
        soft_wrap=True,
    )
    require_lab()
    scenario = _without_locus(scenario_file.load(LAB_SCENARIO))
    if LAB_DATABASE.exists():
        console.print(f"The earlier {LAB_DATABASE} is replaced.")
    for suffix in ("", "-wal", "-shm"):
        LAB_DATABASE.with_name(LAB_DATABASE.name + suffix).unlink(missing_ok=True)
    run_with_progress(scenario, str(LAB_DATABASE))
    _conclude(LAB_DATABASE, console)


def _without_locus(scenario: Scenario) -> Scenario:
    """Leave out where on the path something acts: half a minute of ladders in every slot, for who came to look."""
    schedule = scenario.schedule
    ladder = tuple(technique.name for technique in ladder_of(schedule) if technique is not LOCUS)
    return replace(scenario, schedule=replace(schedule, follow_up=replace(schedule.follow_up, ladder=ladder)))


def _measure_for_real(console: Console) -> str | None:
    """Measure the real targets once; or give the sentence that says why not."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "There is no terminal to ask for consent on."
    if has_default_route() is False:
        return "This machine has no way out: its routing table has no default route."
    schedule = load(SCHEDULE)
    try:
        consent.require(consent.default_state_dir(), ask=consent.terminal())
    except UserError as refusal:
        return f"Nothing is measured: {refusal}."
    with Database.open(str(DATABASE), create=True) as database:
        with database.claim():
            cycle_id = measure_once(schedule, database, console)
        if not _is_anything_connected(database, cycle_id):
            return f"This machine has no way out: nothing accepted a connection (the attempts are in {DATABASE})."
    return None


def _is_anything_connected(database: Database, cycle_id: str) -> bool:
    connected = (
        select(models.Observation.observation_id)
        .join(models.Measurement, models.Measurement.measurement_id == models.Observation.measurement_id)
        .where(
            models.Measurement.cycle_id == cycle_id,
            models.Observation.operation == "tcp",
            models.Observation.failure.is_(None),
        )
    )
    with database.session() as session:
        return session.scalar(connected.limit(1)) is not None


def _conclude(path: Path, console: Console) -> None:
    """Analyse, show the states, and write the report."""
    with Database.open(str(path)) as database:
        console.print(states_table(analyse(database)))
        report = write_report(database, REPORTS / path.stem)
    console.print(f"The facts: {path} (recompute them: nameblind analyze --db {path})", highlight=False, soft_wrap=True)
    console.print(f"The report, with its evidence: {report}", highlight=False, soft_wrap=True)
