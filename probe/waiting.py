"""The process that waits: the scheduler and the flight recorder, and nothing that a cycle needs.

``nameblind run`` reads the command line, the schedule and the consent, and then
*becomes* this (``exec``): same process, same terminal, without the 20 MB of
libraries that it needed until then. Elsewhere than on POSIX it runs as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from probe.apart import CyclesApart
from probe.clock import SystemClock
from probe.errors import UserError
from probe.itself import secret
from probe.net import SystemNet
from probe.recorder import FlightRecorder
from probe.scheduler import Scheduler
from probe.store.database import Database

if TYPE_CHECKING:
    from probe.schedule.model import Schedule

PATIENCE_S: Final = 2.0
"""This process must hear Ctrl-C: it waits no longer for a locked database, and tries again later."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What to wait for. The caller has the consent."""

    schedule: Schedule
    database: str
    vantage_id: str
    state_dir: str
    """Where the recorder's key is."""


def become(order: Waiting) -> None:
    """Turn this process into the one that waits; return when it has ended, where it could not be turned."""
    if os.name != "posix":
        run(order)
        return
    with tempfile.TemporaryFile() as file:
        pickle.dump(order, file)
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-P", "-m", "probe.waiting", str(file.fileno())])  # noqa: S606 - no shell


def main() -> int:
    """Take the order over from what this process was before."""
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        order: Waiting = pickle.load(file)  # noqa: S301 - written by ourselves, into a file without a name
    try:
        run(order)
    except UserError as error:
        sys.stderr.write(f"nameblind: {error}\n")
        return 1
    return 0


def run(order: Waiting) -> None:
    """Measure on schedule, and record the flight, until SIGINT or SIGTERM. ``UserError``."""
    hashed = secret.load_or_make(Path(order.state_dir))
    plan, clock = order.schedule, SystemClock()

    async def work() -> None:
        with Database.open(order.database, patience_s=PATIENCE_S) as database, database.claim():
            recorder = FlightRecorder(database, order.vantage_id, plan.beacon, SystemNet(), clock, plan.limits, hashed)
            scheduler = Scheduler(plan, database, clock, _say, CyclesApart(plan, order.database), recorder)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C raises there
                    loop.add_signal_handler(number, scheduler.stop)
            _say(f"Measuring every {plan.cadence_s / 60:g} minutes; Ctrl-C ends it.")
            await scheduler.run()

    asyncio.run(work())
    _say("Stopped; everything that was measured is stored.")


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more; measuring goes on
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
