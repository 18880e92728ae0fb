"""How long and how much memory the whole analysis takes on a fleet's facts, by engine and size.

Facts are stamped out from lab runs (bench/fleet.py). Each analysis runs in a
process of its own, whose peak memory is the highest that the kernel saw.

    python bench/analysis_scale.py --like LAB.db --like LAB.db --observations 1000000 --observations 3000000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analysis import analyse
from analysis.frames.screened import screened
from analysis.reading import chain_ends, read_cycles, read_surroundings
from bench.fleet import templates, write
from probe.store.database import Database


def one(path: str, engine: str, *, is_compared: bool) -> dict[str, object]:
    """Analyse one database with one engine (``python``: the rules read all), and say what it took."""
    spent: dict[str, float] = {}
    begun = last = time.perf_counter()
    cpu = time.process_time()

    def lap(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        spent[stage], last = round(now - last, 1), now

    with Database.open(path) as database:
        with database.session() as session:
            found = None if engine == "python" else screened(session, database.engine.url, engine)
            lap("screen")
            cycles = read_cycles(session) if found is None else found.cycles
            beside, ends = read_surroundings(session), chain_ends(session)
            lap("read")
            conclusions = analyse.conclude(cycles, beside, found)
            lap("conclude")
        rows = analyse.rows_of(conclusions, analyse.facts_sha256(ends))
        database.replace_conclusions(rows, analyse.values_of(conclusions))
        lap("store")
    total = time.perf_counter() - begun
    said = {
        "engine": engine,
        "measurements": len(conclusions.judged),
        "not_ok": sum(judged.decision.state != "ok" for judged in conclusions.judged),
        "read_by_rules": len(conclusions.judged) if found is None else found.read_by_rules,
        "events": len(conclusions.events),
        "seconds": round(total, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        **spent,
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    if is_compared:
        text = json.dumps(analyse.as_dict(conclusions), ensure_ascii=False)
        said["sha256"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return said


def main() -> None:
    """Generate, run each engine on each size, and print a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--like", action="append", type=Path, default=[], help="a lab run's database; several")
    parser.add_argument("--observations", action="append", type=int, help="size; several for linearity")
    parser.add_argument("--vantages", type=int, default=100)
    parser.add_argument("--engine", action="append", choices=("duckdb", "polars", "python"))
    parser.add_argument("--compare", action="store_true", help="hash what analyze --json would print, too")
    parser.add_argument("--keep", type=Path, help="a folder for the generated databases; used again if they are there")
    parser.add_argument("--one", nargs=2, metavar=("DB", "ENGINE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(*chosen.one, is_compared=chosen.compare)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        like = None
        for size in chosen.observations or [1_000_000]:
            path = folder / f"fleet-{size}-{chosen.vantages}.db"
            if not path.exists():
                like = like or templates(chosen.like)
                begun = time.perf_counter()
                count = write(path, like, size, chosen.vantages)
                print(f"{path.name}: {count} observations written in {time.perf_counter() - begun:.0f} s")
            for engine in chosen.engine or ["duckdb", "polars"]:
                command = [sys.executable, "-m", "bench.analysis_scale", "--one", str(path), engine]
                command += ["--compare"] if chosen.compare else []
                print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
