"""How long a browser waits for the dashboard's pages over 90 days of a fleet of 100 vantages and 40 targets.

Fills a new SQLite database with what an analysis of such a fleet leaves behind
(an hourly schedule: 8.6 million cells of the grid, counted by day; 300 events), serves
it as `nameblind dashboard` does, and opens pages in Chromium, the browser's cache empty: the
median and the worst of seven first contentful paints, and the server's own share.

    python bench/dashboard_first_paint.py [--days 90] [--keep FILE]
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

from analysis.dashboard.app import app_of
from probe.store.canonical import canonical_json
from probe.store.database import Database

VANTAGES, TARGETS, SERVICES, EVENTS, TIMES = 100, 40, 10, 300, 7
START = datetime(2026, 1, 1, tzinfo=UTC)
REGIONS = ("Almaty", "Astana", "Aktau", "Oral", "Shymkent")


def stored(moment: datetime) -> str:
    """Give a time as SQLite has it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def fill(path: Path, days: int) -> int:
    """Write the tables that pages read, and give how many cells the grid has."""
    draw = random.Random(2011)
    Database.open(str(path), create=True).close()
    names = [f"v{number:03d}" for number in range(VANTAGES)]
    with sqlite3.connect(path) as to:
        to.execute("PRAGMA synchronous = OFF")
        to.executemany(
            "INSERT INTO vantage VALUES (?, 'KZ', ?, ?, 'fixed', 'probe', 1, ?, ?)",
            [(n, REGIONS[i % 5], f"AS{9198 + i % 8}", n, stored(START)) for i, n in enumerate(names)],
        )
        to.executemany("INSERT INTO chain_end VALUES (?, 1, ?)", [(n, n) for n in names])
        states = ("ok", "ok", "ok", "ok", "ok", "ok", "blocked", "dark", "missed")
        moments = [stored(START + timedelta(hours=hour)) for hour in range(24 * days)]
        for i, name in enumerate(names):
            to.executemany(
                "INSERT INTO cycle (cycle_id, slot_at, started_at, schedule, schedule_sha256, seed_commitment,"
                " software_version, clock_source, chain_seq, chain_sha256, received_at, vantage_id)"
                " VALUES (?, ?, ?, 's', 's', 's', '1', 'system', ?, 'h', ?, ?)",
                [(f"{name}-{n}", at, at, n + 2, at, name) for n, at in enumerate(moments)],
            )
            cells: dict[tuple[str, str, str], int] = {}
            rows = []
            for target in range(TARGETS):
                service = f"service-{target % SERVICES}"
                for at in moments:
                    state = states[draw.randrange(9)] if (i + target) % 7 == 0 else "ok"
                    kind = "ran" if state == "ok" else "missed" if state == "missed" else "failed"
                    rows.append((name, f"t{target:02d}", at, kind, state, 3))
                    cells[at[:10], service, state] = cells.get((at[:10], service, state), 0) + 1
            to.executemany("INSERT INTO grid VALUES (?, ?, ?, ?, ?, ?)", rows)
            to.executemany(
                "INSERT INTO daily VALUES (?, ?, ?, ?, ?)", [(s, d, w, name, n) for (d, s, w), n in cells.items()]
            )
        ledger = [
            {"channel": "A", "kind": "pairs.selective.sni", "log10_lr": 4.0, "witness": [], "text": "Pairs. " * 20}
        ] * 40
        for number in range(EVENTS):
            began = START + timedelta(hours=draw.randrange(24 * days - 30))
            scope = {"vantages": draw.sample(names, 8), "services": [f"service-{number % SERVICES}"], "regions": []}
            end = None if number % 10 == 0 else stored(began + timedelta(hours=20))
            to.execute(
                "INSERT INTO event (event_id, cause, scope, onset_after, onset_before, end_after, end_before,"
                " mechanisms, ledger, members, hypotheses, would_change)"
                " VALUES (?, 'selective-blocking', ?, ?, ?, ?, ?, ?, ?, '[]', '[]', '[]')",
                (
                    f"e{number:04d}",
                    canonical_json({**scope, "networks": [], "targets": []}),
                    stored(began),
                    stored(began),
                    end,
                    end,
                    '["tls.reset.sni"]',
                    canonical_json(ledger),
                ),
            )
        to.execute("INSERT INTO analysis VALUES (1, 'bench', '0', 'facts', '{}')")
        return int(to.execute("SELECT count(*) FROM grid").fetchone()[0])


def main() -> None:
    """Fill, serve, look, print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--days", type=int, default=90)
    asked.add_argument("--keep", type=Path, help="a file to fill, or to use again if it is there")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "fleet.db"
        if not path.exists():
            began = time.perf_counter()
            print(f"{fill(path, given.days):,} cells written in {time.perf_counter() - began:.0f} s")
        print(f"{path.stat().st_size / 1e6:,.0f} MB")
        with Database.open_for_reading(str(path)) as database, sync_playwright() as playwright:
            server = uvicorn.Server(uvicorn.Config(app_of(database), log_level="error", lifespan="off"))
            listening = socket.create_server(("127.0.0.1", 0))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            root = f"http://127.0.0.1:{listening.getsockname()[1]}"
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for page_path in (
                "/",
                "/?region=Aktau&service=service-3",
                "/events",
                "/event/e0000",
                "/vantages",
                "/vantage/v007",
            ):
                paints, answers = [], []
                for _ in range(TIMES):
                    page = browser.new_context().new_page()
                    page.goto(root + page_path)
                    while not page.evaluate("performance.getEntriesByName('first-contentful-paint').length"):
                        page.wait_for_timeout(20)
                    paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
                    answers.append(page.evaluate("performance.getEntriesByType('navigation')[0].responseStart"))
                    page.context.close()
                print(
                    f"{page_path}: first paint {statistics.median(paints):.0f} ms, at worst {max(paints):.0f} ms; "
                    f"the server answered within {statistics.median(answers):.0f} ms"
                )
            browser.close()
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
