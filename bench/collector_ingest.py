"""How fast does a collector take facts, over HTTP, into PostgreSQL?

    python bench/collector_ingest.py --facts results.db [--senders 4] [--sqlite]

The facts of a database are sent as they are, by as many probes as there are
senders: each sends the largest chain of the file under a vantage of its own,
with new identifiers, in batches that were made and signed before the clock
starts. Printed: measurements and rows a second, from the first byte to the last
commit; the time from a batch's last byte to its answer; and beside them, in the
same run, how long the same machine takes to read the same batches without any
database or network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parents[1]))

from collector.keys import load
from collector.opening import open_store
from collector.pace import Pace
from collector.service import Service
from probe.clock import SystemClock
from probe.store.canonical import row_sha256
from probe.store.chain import START, ends
from probe.store.database import Database
from probe.store.models import Measurement
from probe.uplink.batch import next_batch, read_batch
from probe.uplink.signing import public_text, sign_request
from tests.collector.fleet import enrol, token
from tests.collector.serving import serving
from tests.probe.store.conftest import postgres_server

PATH = "/v1/batches"


def main() -> None:
    """Measure once, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    lines, measurements = _largest_chain(given.facts)
    with tempfile.TemporaryDirectory() as folder:
        made = [_batches(lines, f"bench{number}") for number in range(given.senders)]
        begun = time.perf_counter()
        rows = sum(len(read_batch(body).links) for body in made[0])
        alone_s = time.perf_counter() - begun
        generator = None if given.sqlite else postgres_server.__wrapped__()  # type: ignore[attr-defined]
        url = f"{folder}/collector.db" if generator is None else next(generator).format(name="postgres")
        try:
            with open_store(url, create=True) as store:
                took_s, delays = _send(store, Path(folder), made)
        finally:
            if generator is not None:
                next(generator, None)
    delays.sort()
    all_rows, all_measurements = given.senders * rows, given.senders * measurements
    print(f"{given.senders} senders, {len(delays)} batches, {all_rows} rows, {all_measurements} measurements")
    print(f"{all_rows / took_s:.0f} rows/s, {all_measurements / took_s:.0f} measurements/s committed")
    print(
        f"a batch: median {delays[len(delays) // 2] * 1e3:.0f} ms, p99 {delays[int(len(delays) * 0.99)] * 1e3:.0f} ms"
    )
    print(f"reading alone, one process: {rows / alone_s:.0f} rows/s")


def _largest_chain(facts: Path) -> tuple[list[str], int]:
    """Give the rows of the largest chain as lines, and how many of them are measurements."""
    with Database.open_for_reading(str(facts)) as store, store.engine.connect() as connection:
        vantage_id, end = max(ends(connection).items(), key=lambda item: item[1].chain_seq)
        count = connection.scalar(
            select(func.count()).select_from(Measurement).where(Measurement.vantage_id == vantage_id)
        )
        lines, at = [], START
        while at != end:
            made = next_batch(connection, vantage_id, at)
            assert made is not None
            lines += gzip.decompress(made[0]).decode().splitlines()[2:]
            at = made[1]
    return lines, count or 0


def _batches(lines: list[str], vantage_id: str) -> list[bytes]:
    """Chain the lines anew under another name, with identifiers of their own, 500 rows a batch."""
    bodies, at, place, kept, after = [], START.chain_sha256, 0, [], START.chain_sha256
    for number, line in enumerate(lines):
        kind, _, text = line.partition(" ")
        if kind != "blob":
            # Whatever is counted within a cycle has the cycle's name before it.
            text = re.sub(r'"(c[0-9a-f]{16}(?:\.[a-z]+\d+)?)"', rf'"{vantage_id}.\1"', text)
            text = re.sub(r'"vantage_id":"[^"]*"', f'"vantage_id":"{vantage_id}"', text)
            at = row_sha256(at, kind, text)
            place += 1
        kept.append(f"{kind} {text}")
        if place and (place % 500 == 0 or number == len(lines) - 1) and kind != "blob":
            first = place - sum(not one.startswith("blob ") for one in kept)
            head = json.dumps(
                {"after": {"chain_seq": first, "chain_sha256": after}, "vantage_id": vantage_id},
                sort_keys=True, separators=(",", ":"),
            )  # fmt: skip
            bodies.append(gzip.compress("\n".join(["nameblind-batch 1", head, *kept, ""]).encode()))
            kept, after = [], at
    return bodies


def _send(store: Database, folder: Path, made: list[list[bytes]]) -> tuple[float, list[float]]:
    service = Service(
        store=store, keys=load(folder / "state"), clock=SystemClock(), addresses=("https://x",),
        most_of_a_prefix=1_000, pace=Pace(burst=10**9, per_s=1.0), newcomers=Pace(burst=10**9, per_s=1.0),
    )  # fmt: skip
    delays: list[float] = []
    senders = []
    with serving(service) as address:
        for bodies in made:
            key = Ed25519PrivateKey.generate()
            probe_id = enrol(service, key, token(service))
            assert public_text(key)
            signed = [(body, sign_request(key, "POST", PATH, probe_id, body)) for body in bodies]
            senders.append(threading.Thread(target=_send_all, args=(address, signed, delays)))
        begun = time.perf_counter()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        return time.perf_counter() - begun, delays


def _send_all(address: str, signed: list[tuple[bytes, dict[str, str]]], delays: list[float]) -> None:
    with httpx.Client(timeout=120) as client:
        for body, headers in signed:
            begun = time.perf_counter()
            answer = client.post(address + PATH, content=body, headers=headers)
            delays.append(time.perf_counter() - begun)
            answer.raise_for_status()


if __name__ == "__main__":
    main()
