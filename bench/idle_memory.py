"""What `nameblind run` holds while it waits: resident and proportional memory of its whole tree of processes.

Runs the command itself inside a host of the lab, on the lab's packets, one
cycle a minute, and reads /proc between cycles. The bar is 64 MiB. Needs the lab.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import signal
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import psutil
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select

from lab import scenario_file
from lab.running import Lab, running
from probe.consent import stored
from probe.store.database import Database
from probe.store.models import CycleEnd

MIB = 1024 * 1024
SCHEDULE = Path(scenario_file.__file__).parent / "schedules" / "standard.yaml"
LIBRARIES = ("cryptography", "httpx", "dns", "aioquic", "scapy")


@dataclass(frozen=True, slots=True)
class Held:
    """What a tree of processes holds."""

    processes: int
    rss: int
    pss: int


def schedule_for(lab: Lab, folder: Path) -> Path:
    """Write the lab's schedule as a person would have it: with the lab's root, the helper's key, every minute."""
    root = x509.load_der_x509_certificate(lab.identities.root)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    text = SCHEDULE.read_text()
    text = re.sub(r"public_key: \S+", f"public_key: {base64.b64encode(lab.identities.helper_key).decode()}", text)
    text = text.replace("cadence: 15m", "cadence: 1m\nextra_roots: [root.pem]")
    path = folder / "schedule.yaml"
    path.write_text(text)
    return path


def held_by(pid: int) -> Held:
    """Add up a process and all that descends from it."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    memory = [process.memory_full_info() for process in tree]
    return Held(len(tree), sum(m.rss for m in memory), sum(m.pss for m in memory))


def wait_for_cycle(database: Path, pid: int, wanted: int) -> Held:
    """Wait until ``wanted`` cycles have ended and only the waiting process is left; give what it holds."""
    until = monotonic() + 180
    while monotonic() < until:
        sleep(1)
        if not database.exists():
            continue
        with Database.open(str(database)) as results, results.session() as session:
            ended = session.scalar(select(func.count()).select_from(CycleEnd)) or 0
        seen = held_by(pid)
        if ended >= wanted and seen.processes == 1:
            return seen
    raise TimeoutError(f"no idle moment after {wanted} cycles")


def main() -> None:
    """Run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=3)
    wanted: int = parser.parse_args().cycles
    scenario = scenario_file.load("nothing-wrong")
    with (
        tempfile.TemporaryDirectory() as name,
        running(scenario.topology, seed=1, at=datetime.now(UTC)) as lab,
    ):
        folder = Path(name)
        lab.apply(scenario.conditions(1))
        stored.write(folder / "nameblind", stored.consent_now(datetime.now(UTC), "en"))
        database = folder / "results.db"
        command = [sys.executable, "-m", "nameblind", "run", "--db", str(database)]
        command += ["--schedule", str(schedule_for(lab, folder))]
        probe = lab.spawn("vantage-a", command, env={**os.environ, "XDG_STATE_HOME": name})
        try:
            for number in range(1, wanted + 1):
                seen = wait_for_cycle(database, probe.pid, number)
                print(f"after {number} cycles: RSS {seen.rss / MIB:.1f} MiB, PSS {seen.pss / MIB:.1f} MiB")
            maps = Path(f"/proc/{probe.pid}/maps").read_text()
            print("libraries loaded:", ", ".join(one for one in LIBRARIES if f"/{one}/" in maps) or "none of the large")
        finally:
            asked_at = monotonic()
            probe.send_signal(signal.SIGTERM)
            probe.wait()
            print(f"ended {monotonic() - asked_at:.2f} s after SIGTERM, with status {probe.returncode}")


if __name__ == "__main__":
    main()
