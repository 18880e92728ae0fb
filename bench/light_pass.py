"""What a routine pass over the shipped schedule of Kazakhstan costs on the wire, and how long it takes at 80 ms.

Runs the scenario `volunteer-calm` with the volunteer's own line captured, and
prints for each cycle: bytes above TCP and UDP as the probe counts them, bytes of
IP packets on the line in both directions, seconds, and the round trips of the
longest chain that no order could shorten (three rounds, each a question, a
connection, a handshake and a request). Cycles with a look of the rota are marked.
Needs the lab.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from sqlalchemy import func, select

from lab import scenario_file
from lab.director import run_scenario
from probe.store.database import Database
from probe.store.models import Cycle, CycleEnd, Observation, TechniqueRun

LINK = "home--core"
ROUND_TRIP_S = 0.080
CHAIN_ROUND_TRIPS = 3 * 4
FILE_HEADER_BYTES, PACKET_HEADER = 24, struct.Struct("<IIII")


def packets(path: Path) -> list[tuple[float, int]]:
    """Give (seconds since 1970, bytes) of each packet in a capture of the lab's."""
    raw = path.read_bytes()
    found, at = [], FILE_HEADER_BYTES
    while at < len(raw):
        seconds, microseconds, captured, length = PACKET_HEADER.unpack_from(raw, at)
        found.append((seconds + microseconds / 1e6, length))
        at += PACKET_HEADER.size + captured
    return found


def main() -> None:
    """Run the scenario and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path, pcap = Path(folder) / "calm.db", Path(folder) / "line.pcap"
        run_scenario(scenario_file.load("volunteer-calm"), path, captures={LINK: pcap})
        carried = packets(pcap)
        with Database.open(str(path)) as database, database.session() as session:
            handshakes = session.execute(
                select(func.count(), func.sum(Observation.bytes_received)).where(Observation.operation == "tls")
            ).one()
            for cycle, end in session.execute(
                select(Cycle, CycleEnd).join(CycleEnd, CycleEnd.cycle_id == Cycle.cycle_id).order_by(Cycle.started_at)
            ):
                begun, ended = cycle.started_at.timestamp(), end.ended_at.timestamp()
                turns = session.scalar(
                    select(func.count())
                    .select_from(TechniqueRun)
                    .where(TechniqueRun.started_at >= cycle.started_at, TechniqueRun.ended_at <= end.ended_at)
                )
                on_wire = sum(size for at, size in carried if begun - 1 <= at <= ended + 1)
                took_s, chain_s = ended - begun, CHAIN_ROUND_TRIPS * ROUND_TRIP_S
                print(
                    f"{end.bytes_sent + end.bytes_received} bytes above TCP and UDP, {on_wire} on the wire; "
                    f"{took_s:.2f} s, of which {took_s - chain_s:.2f} s beyond the longest chain of round trips"
                    f"{f'; {turns} look(s) of the rota' if turns else ''}"
                )
    print(f"a handshake brought {handshakes[1] / handshakes[0]:.0f} bytes on average")


if __name__ == "__main__":
    main()
