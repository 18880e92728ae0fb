"""What the hash chain, the flat rows and the ORM cost when a cycle is stored, against bare sqlite3.

Both sides commit 300 measurements of 30 observations, one durable transaction
each, to a file in a temporary folder. Prints the median ratio of five rounds.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from probe.store import models
from probe.store.database import Database

MEASUREMENTS = 300
OBSERVATIONS = 30
ROUNDS = 5
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def rows(cycle: str, number: int) -> list[models.Base]:
    """Make one measurement with its observations."""
    measurement = models.Measurement(
        measurement_id=f"{cycle}.m{number}",
        cycle_id=cycle,
        service="twitter",
        target="x.com",
        url="https://x.com/",
        kind="target",
        round="main",
        started_at=NOW,
        ended_at=NOW,
    )
    observations = [
        models.Observation(
            observation_id=f"{cycle}.o{number * OBSERVATIONS + i}",
            measurement_id=measurement.measurement_id,
            attempt=1,
            redirect=0,
            operation="tcp",
            started_at=NOW,
            duration_s=0.08,
            started_mono_s=float(i),
            address="104.244.42.1",
            port=443,
            bytes_sent=0,
            bytes_received=0,
        )
        for i in range(OBSERVATIONS)
    ]
    return [measurement, *observations]


def ours(folder: Path) -> float:
    """Store through the project; give seconds."""
    with Database.open(str(folder / "ours.db"), create=True) as database:
        vantage = models.Vantage(vantage_id="v", country="KZ", bearer="fixed", role="probe")
        cycle = models.Cycle(
            cycle_id="c",
            slot_at=NOW,
            started_at=NOW,
            schedule="s",
            schedule_sha256="",
            seed_commitment="",
            software_version="",
            clock_source="system",
        )
        database.append("v", [vantage, cycle])
        batches = [rows("c", number) for number in range(MEASUREMENTS)]
        started = time.perf_counter()
        for batch in batches:
            database.append("v", batch)
        return time.perf_counter() - started


def bare(folder: Path) -> float:
    """Store the same values through sqlite3; give seconds."""
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE o (id TEXT PRIMARY KEY, m TEXT, op TEXT, at TEXT, d REAL, a TEXT, p INT)")
    batches = [
        [
            (f"o{number * OBSERVATIONS + i}", f"m{number}", "tcp", NOW.isoformat(), 0.08, "104.244.42.1", 443)
            for i in range(OBSERVATIONS)
        ]
        for number in range(MEASUREMENTS)
    ]
    started = time.perf_counter()
    for batch in batches:
        with connection:
            connection.executemany("INSERT INTO o VALUES (?,?,?,?,?,?,?)", batch)
    took = time.perf_counter() - started
    connection.close()
    return took


def main() -> None:
    """Run the rounds and print the figures."""
    pairs = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            pairs.append((ours(Path(name)), bare(Path(name))))
    total = MEASUREMENTS * (OBSERVATIONS + 1)
    ratios = [mine / theirs for mine, theirs in pairs]
    mine = statistics.median(mine for mine, _ in pairs)
    print(f"{total} rows in {MEASUREMENTS} durable transactions: {mine:.2f} s, {total / mine:,.0f} rows/s")
    print(f"against bare sqlite3: {statistics.median(ratios):.1f} x ({min(ratios):.1f}-{max(ratios):.1f})")


if __name__ == "__main__":
    main()
