"""What one routine cycle costs when nothing is wrong: seconds, bytes, steps, on the lab's packets.

Prints medians over the vantages and slots of the scenario `nothing-wrong`, and
the cycle's length as a ratio to its longest single measurement: what the order
of the rounds costs on top of the longest chain of round trips. Needs the lab.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from sqlalchemy import func, select

from lab import scenario_file
from lab.director import run_scenario
from probe.store.database import Database
from probe.store.models import Cycle, CycleEnd, Measurement, Observation


def main() -> None:
    """Run the scenario and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calm.db"
        run_scenario(scenario_file.load("nothing-wrong"), path)
        with Database.open(str(path)) as database, database.session() as session:
            cycles = session.execute(select(Cycle, CycleEnd).join(CycleEnd, CycleEnd.cycle_id == Cycle.cycle_id)).all()
            seconds, sizes, ratios = [], [], []
            for cycle, end in cycles:
                took_s = (end.ended_at - cycle.started_at).total_seconds()
                spans = session.execute(
                    select(Measurement.started_at, Measurement.ended_at).where(Measurement.cycle_id == cycle.cycle_id)
                ).all()
                seconds.append(took_s)
                sizes.append(end.bytes_sent + end.bytes_received)
                ratios.append(took_s / max((ended - started).total_seconds() for started, ended in spans))
            steps = session.scalar(select(func.count()).select_from(Observation)) or 0
    print(
        f"{len(cycles)} cycles of {steps / len(cycles):.0f} steps: median {statistics.median(seconds):.1f} s, "
        f"{statistics.median(sizes) / 1000:.0f} kB above TCP and UDP"
    )
    print(
        f"against the longest measurement of the same cycle: {statistics.median(ratios):.1f} x "
        f"({min(ratios):.1f}-{max(ratios):.1f})"
    )


if __name__ == "__main__":
    main()
