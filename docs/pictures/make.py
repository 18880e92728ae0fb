"""Makes the pictures of these pages from the real program: `make pictures`.

It rebuilds the short Zhanaozen in the laboratory, unless a database is named, and photographs the report, the
dashboard and the terminal in Chromium.
"""

from __future__ import annotations

import io
import re
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright
from rich.console import Console

import lab  # noqa: F401 - before the analysis: it keeps numpy from starting threads
from analysis.analyse import analyse
from analysis.commands import states_table
from analysis.dashboard.app import app_of
from analysis.report.write import write_report
from lab import scenario_file
from lab.commands import run_with_progress
from probe.store.database import Database

HERE = Path(__file__).parent
WIDTH = 1100


def main() -> None:
    """Make every picture."""
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "results-lab.db"
        if sys.argv[1:]:
            shutil.copyfile(sys.argv[1], facts)
        else:
            run_with_progress(scenario_file.load("zhanaozen-short"), str(facts))
        console = Console(record=True, width=100, file=io.StringIO())
        with Database.open(str(facts)) as database:
            found = analyse(database)
            console.print(states_table(found))
            page = write_report(database, Path(folder))
        drawn = re.sub(r"@font-face {.*?}", "", console.export_svg(title="nameblind analyze"), flags=re.DOTALL)
        (HERE / "terminal.svg").write_text(drawn, encoding="utf-8")  # without fonts from elsewhere
        with Database.open_for_reading(str(facts)) as database, sync_playwright() as playwright:
            server = uvicorn.Server(uvicorn.Config(app_of(database), log_level="error", lifespan="off"))
            listening = socket.create_server(("127.0.0.1", 0))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            root = f"http://127.0.0.1:{listening.getsockname()[1]}"
            dark = next(event["id"] for event in found["events"] if event["cause"].startswith("dark"))
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            view = browser.new_page(viewport={"width": WIDTH, "height": 900})
            for name, address in (
                ("report", page.as_uri()),
                ("dashboard", f"{root}/"),
                ("event", f"{root}/event/{dark}"),
            ):
                view.goto(address)
                view.screenshot(path=str(HERE / f"{name}.png"))
            browser.close()
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
